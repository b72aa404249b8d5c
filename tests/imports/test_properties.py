"""Properties of the import of any file with any size of chunks."""

import atexit
import contextlib
import csv
import functools
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lback_cli import signals
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import Plan, PlanWriter
from lback_cli.security.stored_hashes import UNUSABLE_BCRYPT
from lback_cli.signals import CATALOGUE, Delivery, delivered

from .harness import ARGON2, BCRYPT, Recorder, World, read_jsonl

NAMES = st.sampled_from([*["ann", "bob", "cy"] * 4, "Ann", "dee", "bad name", "", "a\0b", "ünï"])
MAILS = st.sampled_from(
    [*["ann@example.org", "bob@example.org", "cy@example.org", "dee@example.net"] * 3, "ANN@example.org", "nowhere", ""]
)
HASHES = st.sampled_from([*[ARGON2, BCRYPT, ""] * 4, "$y$unknown", "x" * 300])
GROUPS = st.sampled_from(["", "", "staff", "guests;staff", "nobody", "nobody", "basic_user", "Staff"])
FLAGS = st.sampled_from([*["", "true", "false"] * 4, "maybe"])
ROW = st.tuples(NAMES, MAILS, HASHES, GROUPS, FLAGS, FLAGS).map(lambda cells: ",".join(f'"{cell}"' for cell in cells))
LINES = st.one_of(ROW, ROW, ROW, ROW, st.sampled_from(['ann,"ann@example.org', "ann,ann@example.org", "", '"\x80"']))
HEADER = "username,email,password_hash,groups,is_active,is_email_verified"
FILES = (
    st.lists(LINES, max_size=14)
    .filter(lambda lines: any(line.strip('",') for line in lines))  # an empty row is none, and a file needs one
    .map(lambda lines: "\n".join([HEADER, *lines]).encode("latin-1"))
)
PLAIN_LINES = st.lists(
    st.tuples(
        st.sampled_from(["Ann", "cy", "dee", "eve", "fay", "gil", "bob"]),
        st.sampled_from([ARGON2, ARGON2, BCRYPT, ARGON2.replace("t=2", "t=3"), UNUSABLE_BCRYPT]),
        st.sampled_from(["", "", "staff", "guests;staff", "nobody"]),
        st.sampled_from(["", "true", "false"]),
        st.sampled_from(["true", "true", ""]),
    ),
    unique_by=lambda row: row[0],
    min_size=1,
).map(lambda rows: [f'{row[0]},{row[0]}@Example.org,"{row[1]}",{",".join(row[2:])}' for row in rows])
"""Users most of whom are registered together, with columns as in `HEADER`."""

OPTIONS = st.builds(
    ImportOptions,
    if_exists=st.sampled_from(["fail", "skip", "update"]),
    on_error=st.sampled_from(["continue", "continue", "stop"]),
    mail=st.sampled_from(["none", "none", "invite", "verify"]),
    atomic=st.booleans(),
    encoding=st.just("utf-8"),
)
EXISTING = b"username,email,password_hash,groups\nbob,bob@example.org," + f'"{ARGON2}"'.encode() + b",guests\n"

profile = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@functools.cache
def template() -> Path:
    """A database with the user bob, created once because that is slower than a small import."""
    directory = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    world = World(directory / "template")
    world.run(world.write(EXISTING, "before.csv"), ImportOptions(mail="none"))
    world.close()
    return world.directory


@contextlib.contextmanager
def twins(count: int) -> Iterator[list[World]]:
    """Yield databases with equal content."""
    directory = Path(tempfile.mkdtemp())
    made = [World(shutil.copytree(template(), directory / str(number))) for number in range(count)]
    try:
        yield made
    finally:
        for world in made:
            world.close()
        shutil.rmtree(directory)


@contextlib.contextmanager
def heard() -> Iterator[Counter[str]]:
    """Count the signals that are delivered."""
    counts: Counter[str] = Counter()

    def count(_sender: Any, delivery: Delivery, **_extra: Any) -> None:
        counts[delivery.spec.name] += 1

    with delivered.connected_to(count):
        yield counts


def outcome_of(world: World, content: bytes, options: ImportOptions, chunk: int) -> Any:
    """Import, and return everything that was written."""
    report, rejects = world.directory / "report.jsonl", world.directory / "rejects.csv"
    recorder = Recorder()
    result = world.run(world.write(content), replace_files(options, report, rejects), chunk=chunk, watcher=recorder)
    assert result.counts.total == len(read_jsonl(report)), "good + bad == total"
    mails = len(list((world.directory / "mail").glob("*.eml"))) if (world.directory / "mail").exists() else 0
    files = read_jsonl(report, ids=True), rejects.read_text() if rejects.exists() else ""
    return result.state, result.counts, recorder.lines, files, mails, world.state()


def replace_files(options: ImportOptions, report: Path, rejects: Path) -> ImportOptions:
    return ImportOptions(
        if_exists=options.if_exists,
        on_error=options.on_error,
        mail=options.mail,
        atomic=options.atomic,
        encoding=options.encoding,
        report=report,
        rejects=rejects,
    )


@profile
@given(content=FILES, options=OPTIONS, chunk=st.sampled_from([1, 2, 3, 7]))
def test_chunk_size_does_not_change_the_outcome(content: bytes, options: ImportOptions, chunk: int) -> None:
    with twins(2) as (one, other):
        assert outcome_of(one, content, options, chunk) == outcome_of(other, content, options, 1000)


@profile
@given(lines=PLAIN_LINES, options=OPTIONS, chunk=st.sampled_from([2, 1000]))
def test_plain_users_have_the_outcome_of_users_registered_one_by_one(
    lines: list[str], options: ImportOptions, chunk: int
) -> None:
    content = "\n".join([HEADER, *lines]).encode()
    with twins(2) as (one, other):
        alone = outcome_of(one, content, options, chunk)
        with heard():
            assert outcome_of(other, content, options, chunk) == alone


@profile
@given(content=FILES, options=OPTIONS)
def test_receivers_do_not_change_the_outcome(content: bytes, options: ImportOptions) -> None:
    with twins(2) as (one, other):
        alone = outcome_of(one, content, options, 1000)
        with heard():
            assert outcome_of(other, content, options, 1000) == alone


@profile
@given(content=FILES, options=OPTIONS)
def test_plan_agrees_with_the_import(content: bytes, options: ImportOptions) -> None:
    with twins(2) as (one, other):
        before = one.state()
        path = one.write(content)
        with heard() as while_planning:
            writer = PlanWriter(one.services.hasher, one.directory / "plan")
            planned = one.importer().plan(str(path), options, writer)
        assert one.state() == before
        assert not while_planning
        assert not (one.directory / "mail").exists()

        with heard() as sent:
            result = other.run(other.write(content), options)
        if result.state == "rolled_back":
            assert planned.counts.failed == result.counts.failed
            return
        assert planned.counts == result.counts
        assert planned.signals == sent
        assert set(planned.signals) <= set(CATALOGUE)
        mails = list((other.directory / "mail").glob("*.eml")) if (other.directory / "mail").exists() else []
        assert sum(planned.mails.values()) == len(mails)

        if not options.atomic:
            applied = one.importer().apply(Plan(one.directory / "plan"), options)
            assert applied.counts == result.counts
            assert one.state() == other.state()


@profile
@given(content=FILES, mail=st.sampled_from(["none", "verify"]))
def test_every_started_row_has_one_terminal_signal(content: bytes, mail: Any) -> None:
    with twins(1) as (world,), heard() as sent:
        world.run(world.write(content), ImportOptions(if_exists="update", mail=mail, encoding="utf-8"))
    registrations = sent[signals.user_registered.name] + sent[signals.user_registration_failed.name]
    assert registrations == sent[signals.user_registration_started.name]
    updates = sent[signals.user_updated.name] + sent[signals.user_update_failed.name]
    assert updates == sent[signals.user_update_started.name]


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(cell=CELL)
def test_value_escaped_for_spreadsheets_is_restored(cell: str) -> None:
    from lback_cli.imports.formats.csv_injection import escaped, unescaped

    assert unescaped(escaped(cell)) == cell
    assert not escaped(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@settings(max_examples=200, deadline=None)
@given(names=st.lists(CELL.filter(bool), min_size=1, max_size=4))
def test_any_names_of_groups_fit_in_one_cell(names: list[str]) -> None:
    from lback_cli.imports.columns import BUILT_IN_COLUMNS
    from lback_cli.imports.formats.groups_cell import groups_cell
    from lback_cli.imports.row import row_of

    assert row_of(1, {"groups": groups_cell(names)}, BUILT_IN_COLUMNS).groups == tuple(names)


@settings(max_examples=300, deadline=None)
@given(
    cells=st.lists(st.tuples(CELL, CELL), max_size=5),
    dialect=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n")]),
)
def test_csv_of_another_program_is_read_as_it_is(cells: list[tuple[str, str]], dialect: tuple[Any, str]) -> None:
    from lback_cli.imports.formats.csv_injection import unescaped
    from lback_cli.imports.formats.csv_reader import read_csv

    file, (quoting, end) = io.StringIO(newline=""), dialect
    csv.writer(file, quoting=quoting, lineterminator=end).writerows([("username", "email"), *cells])
    rows = list(read_csv(io.BytesIO(file.getvalue().encode())))
    assert [(row.raw, row.original) for row in rows] == [
        (None, {"username": unescaped(name), "email": unescaped(email)}) for name, email in cells if name or email
    ]
