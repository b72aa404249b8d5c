"""Outcomes of rows, and their reports."""

import csv
import itertools
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from lback_cli.database.engine import Database
from lback_cli.errors import AuthenticationFailed, Conflict, OperationRejected, Unusable, UsageError, ValidationError
from lback_cli.imports.jobs import Checkpoint, ImportRun
from lback_cli.imports.options import ImportOptions
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.signals import user_pre_register, user_registered, user_registration_failed

from .harness import ARGON2, GROUP_EVENTS, GROUPS, PASSWORD, Recorder, World, read_jsonl

QUIET = ImportOptions(mail="none")


def options(world: World, **more: Any) -> ImportOptions:
    files = {"report": world.directory / "report.jsonl", "rejects": world.directory / "rejects.csv"}
    return ImportOptions(**{"mail": "none", **files, **more})


def reported(world: World) -> list[tuple[int, str, str | None]]:
    return [(one["line"], one["outcome"], one["code"]) for one in read_jsonl(world.directory / "report.jsonl")]


def mails(world: World) -> list[str]:
    return sorted(file.read_bytes().decode().partition("To: ")[2].split("\n")[0].strip() for file in eml(world))


def eml(world: World) -> list[Path]:
    return list((world.directory / "mail").glob("*.eml"))


def test_row_sets_everything_that_a_registration_can(world: World) -> None:
    path = world.write(
        "\ufeffusername,email,password,groups,is_active,is_email_verified\r\n"
        f"Ann,Ann@Example.org,{PASSWORD},staff; guests,no,yes\r\n"
        "\r\n"
        f'bob,bob@example.org,"{PASSWORD}",,,\r\n'
    )
    assert world.run(path, QUIET).counts.created == 2
    people = world.people()
    assert people["ann"][0] == "ann@example.org"
    assert people["ann"][2:] == (False, True, ["basic_user", "guests", "staff"])
    assert people["bob"][2:] == (True, False, ["basic_user"])
    assert world.users.authenticate_user("bob", PASSWORD, allow_unverified=True).username == "bob"


def test_json_lines_set_everything(world: World) -> None:
    rows: list[dict[str, Any]] = [
        {"username": "ann", "email": "ann@example.org", "groups": ["staff"], "is_active": False},
        {"username": "bob", "email": "bob@example.org", "password_hash": ARGON2, "is_email_verified": True},
    ]
    path = world.write("".join(json.dumps(row) + "\n" for row in rows), "users.jsonl")
    assert world.run(path, ImportOptions(format="jsonl", mail="none")).counts.created == 2
    assert world.people() == {
        "ann": ("ann@example.org", "!", False, False, ["basic_user", "staff"]),
        "bob": ("bob@example.org", ARGON2, True, True, ["basic_user"]),
    }


def test_name_of_a_refused_row_is_free_for_the_next(world: World) -> None:
    path = world.write("username,email,groups\nann,ann@example.org,nobody\nann,ann@example.org,staff\n")
    world.run(path, options(world))
    assert reported(world) == [(2, "failed", "group_not_found"), (3, "created", None)]


@pytest.mark.parametrize(
    ("mail", "recipients"),
    [
        ("none", []),
        ("invite", ["ann@example.org", "eve@example.org"]),
        ("verify", ["ann@example.org", "bob@example.org", "eve@example.org"]),
    ],
)
def test_mail_option_selects_the_recipients(world: World, mail: Any, recipients: list[str]) -> None:
    path = world.write(
        "username,email,password_hash,is_email_verified\n"
        "ann,ann@example.org,,\n"
        f'bob,bob@example.org,"{ARGON2}",\n'
        f'cy,cy@example.org,"{ARGON2}",true\n'
        "eve,eve@example.org,,true\n"
    )
    world.run(path, ImportOptions(mail=mail))
    assert mails(world) == recipients


def test_update_changes_the_columns_of_the_row_and_no_password(world: World) -> None:
    world.run(world.write(f'username,email,password_hash,groups\nann,ann@example.org,"{ARGON2}",guests\n'), QUIET)
    path = world.write(
        "username,email,password,groups,is_active\n"
        f"ANN,ann@example.net,{PASSWORD},staff,\n"
        "ann,,,,false\n"
        "ann,ann@example.net,,staff,false\n"
        "bob,bob@example.org,,,\n"
    )
    world.run(path, options(world, if_exists="update"))
    assert reported(world) == [
        (2, "updated", None),
        (3, "updated", None),
        (4, "skipped", "unchanged"),
        (5, "created", None),
    ]
    assert world.people()["ann"] == ("ann@example.net", ARGON2, False, False, ["basic_user", "staff"])


def test_update_replaces_passwords_only_with_the_option(world: World) -> None:
    world.run(world.write("username,email\nann,ann@example.org\nbob,bob@example.org\n"), QUIET)
    path = world.write(
        f'username,email,password,password_hash\nann,ann@example.org,{PASSWORD},\nbob,bob@example.org,,"{ARGON2}"\n'
    )
    world.run(path, options(world, if_exists="update"))
    assert reported(world) == [(2, "skipped", "unchanged"), (3, "skipped", "unchanged")]
    with pytest.raises(AuthenticationFailed):
        world.users.authenticate_user("ann", PASSWORD, allow_unverified=True)

    world.run(path, options(world, if_exists="update", overwrite_passwords=True))
    assert reported(world) == [(2, "updated", None), (3, "updated", None)]
    assert world.users.authenticate_user("ann", PASSWORD, allow_unverified=True).username == "ann"
    assert world.people()["bob"][1] == ARGON2
    assert PASSWORD not in str(world.events())
    assert ARGON2 not in str(world.events())


def test_existing_user_is_skipped_even_if_the_row_is_invalid(world: World) -> None:
    world.run(world.write("username,email\nann,ann@example.org\n"), QUIET)
    before = world.state()
    world.run(world.write("username,email,password\nAnn,nonsense,short\n"), options(world, if_exists="skip"))
    assert reported(world) == [(2, "skipped", "exists")]
    assert world.state() == before


def test_stop_keeps_earlier_rows_and_resumes_with_the_next(world: World) -> None:
    path = world.write("username,email\nann,ann@example.org\nbad name,x\nbob,bob@example.org\n")
    stopping = options(world, on_error="stop")
    result = world.run(path, stopping)
    assert (result.state, result.counts.total) == ("stopped", 2)
    assert list(world.people()) == ["ann"]

    result = world.run(path, stopping, resume=True)
    assert (result.state, result.counts.total) == ("done", 3)
    assert reported(world) == [(2, "created", None), (3, "failed", "validation_error"), (4, "created", None)]
    assert list(world.people()) == ["ann", "bob"]


def test_atomic_import_is_rolled_back_if_a_row_is_refused(world: World) -> None:
    path = world.write("username,email\nann,ann@example.org\nbad name,x\nbob,bob@example.org\n")
    before = world.state()
    passwords = world.directory / "passwords.csv"
    result = world.run(path, options(world, atomic=True, mail="verify", passwords=passwords))
    assert (result.state, result.counts.failed, result.counts.skipped) == ("rolled_back", 1, 2)
    assert reported(world) == [
        (2, "skipped", "rolled_back"),
        (3, "failed", "validation_error"),
        (4, "skipped", "rolled_back"),
    ]
    assert world.state() == before
    assert not passwords.exists()
    assert not eml(world)


def test_atomic_import_is_rolled_back_if_a_receiver_refuses(world: World) -> None:
    """The failure of users announced before is announced too."""
    path = world.write("username,email\nann,ann@example.org\nbob,bob@example.org\ncy,cy@example.org\n")
    before = world.people()

    def refuse(_sender: Any, user: Any, **_extra: Any) -> None:
        if user.username == "bob":
            raise OperationRejected("no bob")

    with user_registered.connected_to(refuse), announced() as seen:
        result = world.run(path, options(world, atomic=True), chunk=1)
    assert (result.state, result.counts.failed, result.counts.total) == ("rolled_back", 1, 3)
    assert reported(world) == [
        (2, "skipped", "rolled_back"),
        (3, "failed", "rejected_by_receiver"),
        (4, "skipped", "rolled_back"),
    ]
    assert world.people() == before
    assert seen == [
        ("user_registered", "ann"),
        ("user_registered", "bob"),
        ("user_registration_failed", "bob", "rejected_by_receiver"),
        ("user_registration_failed", "ann", "repository_error"),
    ]
    # The default group was rolled back with the users.
    assert [event[1:5] for event in world.events()[len(GROUPS) :]] == [
        ("user_registration_failed", "register_user", "repository_error", "ann"),
        ("user_registration_failed", "register_user", "rejected_by_receiver", "bob"),
    ]
    world.verify()


@contextmanager
def announced() -> Iterator[list[tuple[str, ...]]]:
    """Record the terminal signals of registrations in the block, with the name and the type of error."""
    found: list[tuple[str, ...]] = []

    def registered(_sender: Any, user: Any, **_extra: Any) -> None:
        found.append(("user_registered", user.username))

    def failed(_sender: Any, username: str, error_type: str, **_extra: Any) -> None:
        found.append(("user_registration_failed", username, error_type))

    with user_registered.connected_to(registered), user_registration_failed.connected_to(failed):
        yield found


@pytest.mark.parametrize("atomic", [False, True], ids=["chunks", "atomic"])
def test_interruption_announces_the_failure_of_users_announced_before(world: World, atomic: bool) -> None:
    path = world.write("username,email\nann,ann@example.org\nbob,bob@example.org\ncy,cy@example.org\n")

    def interrupt(_sender: Any, username: str, **_extra: Any) -> None:
        if username == "cy" and not any(end[1] == "cy" for end in seen):
            raise KeyboardInterrupt

    with announced() as seen:
        with user_pre_register.connected_to(interrupt), pytest.raises(KeyboardInterrupt):
            world.run(path, options(world, atomic=atomic))
        assert seen == [
            *(("user_registered", name) for name in ("ann", "bob")),
            *(("user_registration_failed", name, "unexpected_exception") for name in ("ann", "bob", "cy")),
        ]
        assert world.people() == {}
        assert [event[1:5] for event in world.events()[len(GROUPS) :]] == [
            ("user_registration_failed", "register_user", "unexpected_exception", name) for name in ("ann", "bob", "cy")
        ]
        result = world.run(path, options(world, atomic=atomic), resume=True)
    assert (result.state, result.counts.created) == ("done", 3)
    assert seen[5:] == [("user_registered", name) for name in ("ann", "bob", "cy")]
    assert world.verify() == GROUP_EVENTS + 6


@pytest.mark.parametrize("atomic", [False, True], ids=["chunks", "atomic"])
def test_interruption_after_the_commit_announces_no_failure(
    world: World, atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come after the COMMIT, before its success is noted."""
    keep = ImportRun.commit

    def interrupted(*arguments: Any) -> Any:
        keep(*arguments)
        raise KeyboardInterrupt

    path = world.write("username,email\nann,ann@example.org\n")
    monkeypatch.setattr(ImportRun, "commit", interrupted)
    with announced() as seen, pytest.raises(KeyboardInterrupt):
        world.run(path, options(world, atomic=atomic))
    assert seen == [("user_registered", "ann")]
    assert list(world.people()) == ["ann"]
    assert world.verify() == GROUP_EVENTS + 1


def test_atomic_import_without_refusals_imports_all_rows(world: World) -> None:
    path = world.write("username,email\nann,ann@example.org\nbob,bob@example.org\n")
    result = world.run(path, options(world, atomic=True))
    assert (result.state, result.counts.created) == ("done", 2)
    assert reported(world) == [(2, "created", None), (3, "created", None)]
    assert world.verify() == GROUP_EVENTS + 2


@pytest.mark.parametrize("generated", [False, True], ids=["given", "generated"])
def test_atomic_import_hashes_passwords_without_blocking_writers(world: World, generated: bool) -> None:
    other = World(world.directory)
    hasher = world.services.hasher
    hash_ = hasher.hash

    def hash_while_others_write(password: str) -> str:
        name = f"other{next(numbers)}"
        other.users.register_user(name, f"{name}@example.org", None, mail="none")
        return hash_(password)

    numbers = itertools.count()
    vars(hasher)["hash"] = hash_while_others_write
    password = "" if generated else PASSWORD
    path = world.write("username,email,password\n" + "".join(f"u{n},u{n}@example.org,{password}\n" for n in range(3)))
    passwords = world.directory / "passwords.csv"
    result = world.run(path, options(world, atomic=True, passwords=passwords if generated else None))
    other.close()
    assert (result.state, result.counts.created) == ("done", 3)
    assert len([name for name in world.people() if name.startswith("other")]) == 3, "each is hashed once"
    lines = passwords.read_text().splitlines()[1:] if generated else [f"u{n},{PASSWORD}" for n in range(3)]
    for name, right in (line.split(",") for line in lines):
        assert world.users.authenticate_user(name, right, allow_unverified=True).username == name
    assert world.verify() == GROUP_EVENTS + 9, "six users and three logins"


def test_corrected_rejects_can_be_imported(world: World) -> None:
    content = (
        "Email,username,password\n"
        f"ann@example.org,ann,{PASSWORD}\n"
        f"bob@example.org,bob bob,{PASSWORD}\n"
        f'cy@example.org,cy,"{PASSWORD}\n'
        f"eve@example.org,eve,=1+1 {PASSWORD}\n"
        "=eve@example.org,=eve,'-secret\n"
    )
    world.run(world.write(content), options(world))
    rejects = world.directory / "rejects.csv"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    lines = rejects.read_text().splitlines()
    assert lines[0] == "email,username,password,error_code,error"
    assert lines[1].startswith(f"bob@example.org,bob bob,{PASSWORD},validation_error,\"The user name 'bob bob' is not")
    assert lines[2] == f'"cy@example.org,cy,""{PASSWORD}",,,validation_error,A quote is opened and not closed.'
    assert lines[3].startswith("'=eve@example.org,'=eve,'-secret,validation_error,")

    corrected = rejects.read_text().replace("bob bob", "bob").replace(lines[2], f"cy@example.org,cy,{PASSWORD},,")
    corrected = corrected.replace("'=eve@example.org,'=eve,'-secret", f"eva@example.org,eva,'-{PASSWORD}")
    again = world.directory / "again.csv"
    result = world.run(world.write(corrected, "corrected.csv"), ImportOptions(mail="none", rejects=again))
    assert (result.counts.created, result.counts.failed) == (3, 0)
    assert not again.exists(), "nothing was refused"
    assert list(world.people()) == ["ann", "bob", "cy", "eva", "eve"]
    assert world.users.authenticate_user("eva", f"-{PASSWORD}", allow_unverified=True).username == "eva"


def test_rejects_of_json_lines_are_json_lines(world: World) -> None:
    path = world.write('{"username": "bad name", "email": "x", "groups": ["a"]}\n{"username": \n', "users.jsonl")
    rejects = world.directory / "rejects.jsonl"
    world.run(path, ImportOptions(format="jsonl", rejects=rejects))
    one, two = read_jsonl(rejects)
    assert one["username"], one["groups"] == ("bad name", ["a"])
    assert two["username"] == '{"username": '
    assert {one["error_code"], two["error_code"]} == {"validation_error"}


def test_passwords_are_generated_for_rows_without(world: World) -> None:
    path = world.write(f'username,email,password_hash\nann,ann@example.org,\nbob,bob@example.org,"{ARGON2}"\nx y,x,\n')
    passwords = world.directory / "passwords.csv"
    world.run(path, ImportOptions(passwords=passwords))
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    header, line = passwords.read_text().splitlines()
    assert header == "username,password"
    name, password = line.split(",")
    assert world.users.authenticate_user(name, password, allow_unverified=True).username == "ann"
    assert not eml(world)

    with pytest.raises(Conflict, match="exists already"):
        world.run(world.write("username,email\ncy,cy@example.org\n"), ImportOptions(passwords=passwords))
    assert passwords.read_text().splitlines() == [header, line]
    assert "cy" not in world.people()


def test_full_disk_stops_the_import_and_the_report_has_only_committed_rows(world: World) -> None:
    from lback_cli.errors import Unusable

    path = world.write("username,email\nann,ann@example.org\n")
    watcher = Recorder()
    with announced() as seen, pytest.raises(Unusable, match="Cannot write /dev/full: No space left on device"):
        world.run(path, ImportOptions(mail="none", report=Path("/dev/full")), watcher=watcher)
    assert world.people() == {}
    assert seen == [("user_registered", "ann"), ("user_registration_failed", "ann", "unexpected_exception")]
    assert watcher.command is not None


def test_second_name_of_the_input_is_recognised(world: World) -> None:
    path = world.write("username,email\nann,ann@example.org\n")
    link = world.directory / "rejects.csv"
    link.hardlink_to(path)
    with pytest.raises(UsageError, match="cannot be both the input and --rejects"):
        world.run(path, ImportOptions(rejects=link))
    assert path.read_text() == "username,email\nann,ann@example.org\n"


def test_read_error_names_the_file(world: World) -> None:
    with pytest.raises(Unusable, match="Cannot read /proc/self/mem: Input/output error"):
        world.run(Path("/proc/self/mem"), QUIET)


def test_input_that_is_read_twice_must_be_a_file(world: World) -> None:
    pipe = world.directory / "passwd"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="is not a file"):
        world.run(world.write("ann:*:1:0:9:7:::\n", "shadow"), ImportOptions(format="shadow", companion=pipe))


def test_passwords_are_kept_if_the_outcome_of_the_commit_is_unknown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, passwords = world.write("username,email\nann,ann@example.org\n"), world.directory / "passwords.csv"

    keep = ImportRun.commit

    def interrupted(job: ImportRun, database: Database, change: Callable[[UnitOfWork], object]) -> object:
        done = keep(job, database, change)
        if isinstance(done, Checkpoint):
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(ImportRun, "commit", interrupted)
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt):
        world.run(path, ImportOptions(mail="none", atomic=True, passwords=passwords), watcher=recorder)
    assert list(world.people()) == ["ann"]
    assert recorder.ends == ["over"]
    name, password = passwords.read_text().splitlines()[1].split(",")
    assert world.users.authenticate_user(name, password, allow_unverified=True).username == "ann"


def test_password_file_with_only_a_header_is_overwritten(world: World) -> None:
    path, passwords = world.write("username,email\nann,ann@example.org\n"), world.directory / "passwords.csv"
    passwords.write_text("username,password\n")
    assert world.run(path, ImportOptions(mail="none", passwords=passwords)).counts.created == 1
    assert (len(passwords.read_text().splitlines()), stat.S_IMODE(passwords.stat().st_mode)) == (2, 0o600)


@pytest.mark.parametrize("name", ["report", "rejects", "passwords"])
def test_output_file_must_not_be_the_input(world: World, name: str) -> None:
    path = world.write("username,email\nann,ann@example.org\n")
    (world.directory / "link.csv").symlink_to(path)
    files: dict[str, Any] = {name: world.directory / "link.csv"}
    with pytest.raises(UsageError, match="cannot be both the input and"):
        world.run(path, ImportOptions(**files))
    assert world.people() == {}


def test_thousand_users_take_few_statements(world: World) -> None:
    """One statement for each row would be thousands."""
    from sqlalchemy import event

    statements: list[str] = []
    event.listen(world.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    lines = [f'user{number},user{number}@example.org,"{ARGON2}"' for number in range(1000)]
    world.run(world.write("\n".join(["username,email,password_hash", "ann,ann@example.org,", *lines])), QUIET)
    assert len(statements) < 90


def test_passwords_of_existing_users_are_not_hashed(world: World) -> None:
    lines = [f"user{number},user{number}@example.org" for number in range(100)]
    world.run(world.write("\n".join(["username,email", *lines])), QUIET)
    before = world.services.hasher.operations
    for if_exists in ("fail", "skip", "update"):
        with_passwords = "\n".join(["username,email,password", *(f"{line},{PASSWORD}" for line in lines)])
        world.run(world.write(with_passwords), ImportOptions(mail="none", if_exists=if_exists), restart=True)
    assert world.services.hasher.operations == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_named(world: World) -> None:
    path = world.write("username,email\n")
    path.chmod(0)
    with pytest.raises(UsageError, match="Permission denied"):
        world.run(path, QUIET)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "The file is empty"),
        (b"\n\n", "The file is empty"),
        (b"username\nann\n", "line 1: the column 'email' is missing"),
        (b"username,email,shoe size\n", "line 1: there is no column 'shoe size'"),
        (b"username,email,Email\n", "line 1: the column 'email' comes twice"),
        (b'username,"email\nann,ann@example.org\n', "line 1: A quote is opened and not closed"),
        (b"user\xffname,email\n", "The file seems to have the encoding Windows-1252: add --encoding cp1252."),
        ("username,email\n".encode("utf-16"), "The file seems to have the encoding UTF-16: add --encoding utf-16."),
        (b"\0" * 100, "The file is binary data, and no text."),
    ],
)
def test_invalid_header_is_refused_before_any_change(world: World, content: bytes, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        world.run(world.write(content), QUIET)
    assert world.jobs() == []


@pytest.mark.parametrize(
    ("rows", "left_out"), [("", ""), ("\n,\n,\n", " Left out: empty rows (2).")], ids=["none", "empty"]
)
def test_file_without_a_user_is_refused(world: World, rows: str, left_out: str) -> None:
    path = world.write(f"username,email\n{rows}")
    with pytest.raises(ValidationError) as caught:
        world.run(path, options(world))
    assert caught.value.message == f"{path} has no users.{left_out}"
    assert world.jobs() == []


def test_invalid_files_are_refused(world: World) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        world.run(world.directory, QUIET)
    with pytest.raises(UsageError, match="No such file"):
        world.run(world.directory / "missing.csv", QUIET)


def test_fifo_is_read_like_a_file(world: World) -> None:
    import threading

    fifo = world.directory / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_text, args=("username,email\nann,ann@example.org\n",))
    writer.start()
    assert world.run(fifo, QUIET).counts.created == 1
    writer.join()


BAD_CSV: list[tuple[str, bytes, str]] = [
    ("an unclosed quote", b'"bob,bob@example.org', "A quote is opened and not closed."),
    ("a quote in the middle", b'"bob"x,bob@example.org', "The row is not CSV: ',' expected after '\"'."),
    ("a quote within", b'b"o"b,bob@example.org', "The row is not CSV: a quote within a field that is not quoted."),
    ("a quote behind a space", b'bob, "bob@example.org"', "a quote within a field that is not quoted."),
    ("a quote too many", b'bob,bob@example.org"', "The row is not CSV: a quote within a field that is not quoted."),
    ("two fields in one pair of quotes", b'"bob,bob@example.org"', "The row has 1 fields, the header 2."),
    ("too few fields", b"bob", "The row has 1 fields, the header 2."),
    ("too many fields", b"bob,bob@example.org,x", "The row has 3 fields, the header 2."),
    ("a field of 1 MiB", b"b" * 2**20 + b",bob@example.org", "The row has more than 1048576 bytes."),
    ("a field of 100 KiB", b"b" * 100_000 + b",bob@example.org", "username has 100000 characters."),
    ("invalid UTF-8", b"b\xffb,bob@example.org", "Byte 2 of the row is not UTF-8."),
    ("a lone surrogate", b"b\xed\xa0\x80b,bob@example.org", "Byte 2 of the row is not UTF-8."),
    ("NUL", b"b\0b,bob@example.org", "contains the invisible character U+0000"),
    ("a carriage return", b"b\rb,bob@example.org", "The row is not CSV"),
    ("a line of 3 MiB", b"x" * 3 * 2**20, "The row has more than 1048576 bytes."),
]


@pytest.mark.parametrize(("bad", "message"), [pytest.param(b, m, id=i) for i, b, m in BAD_CSV])
def test_invalid_csv_fails_one_row(world: World, bad: bytes, message: str) -> None:
    path = world.write(b"username,email\nann,ann@example.org\n" + bad + b"\ncy,cy@example.org\neve,eve@example.org")
    result = world.run(path, options(world, encoding="utf-8"))
    assert reported(world) == [
        (2, "created", None),
        (3, "failed", "validation_error"),
        (4, "created", None),
        (5, "created", None),
    ]
    assert message in read_jsonl(world.directory / "report.jsonl")[1]["message"]
    assert result.counts.total == 4
    assert list(world.people()) == ["ann", "cy", "eve"]


def test_unpaired_quotes_fail_only_their_rows(world: World) -> None:
    path = world.write(
        'username,email\na"nn,ann@example.org\nbob,bob@example.org\nc"y,cy@example.org\neve,eve@example.org\n'
    )
    assert world.run(path, options(world)).counts.total == 4
    assert [(line, kind) for line, kind, _ in reported(world)] == [
        (2, "failed"),
        (3, "created"),
        (4, "failed"),
        (5, "created"),
    ]
    assert (world.directory / "rejects.csv").read_text().splitlines()[1:] == [
        '"a""nn,ann@example.org",,validation_error,The row is not CSV: a quote within a field that is not quoted.',
        '"c""y,cy@example.org",,validation_error,The row is not CSV: a quote within a field that is not quoted.',
    ]


def test_name_that_grows_in_lower_case_is_refused(world: World) -> None:
    path = world.write('username,email,groups\n\u0130 ,ann@example.org,\nbob,bob@example.org,"[""\u0130 ""]"\n')
    world.run(path, options(world))
    assert reported(world) == [(2, "failed", "validation_error"), (3, "failed", "group_not_found")]


BAD_JSON: list[tuple[str, bytes, str]] = [
    ("no JSON", b"username", "The line is not JSON: Expecting value"),
    ("half an object", b'{"username": "bob"', "The line is not JSON: Expecting ',' delimiter"),
    ("two objects", b'{"username": "bob"} {}', "The line is not JSON: there is more after its end."),
    ("no object", b'["bob"]', "The line is not a JSON object."),
    ("a key twice", b'{"username": "bob", "username": "rob", "email": "b@example.org"}', "The line has a key twice."),
    ("an unknown key", b'{"username": "bob", "email": "b@example.org", "age": 7}', "There is no key 'age' in lback."),
    ("NaN", b'{"username": "bob", "email": "b@example.org", "is_active": NaN}', "has NaN, which is not a JSON value."),
    ("infinity", b'{"username": "bob", "email": "b@example.org", "is_active": 1e999}', "1e999, which is too large"),
    ("a number", b'{"username": 7, "email": "b@example.org"}', "username must be text."),
    ("zero", b'{"username": 0, "email": "b@example.org"}', "username must be text."),
    ("groups in groups", b'{"username": "bob", "email": "b@example.org", "groups": [["staff"]]}', "groups must be"),
    ("100,000 deep", b'{"username": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ("a number of 5,000 digits", b'{"username": ' + b"9" * 5000 + b"}", "The line has a number of 5000 digits."),
    *(
        (f"{depth} deep", b'{"username": ' + b"[" * depth + b"]" * depth + b"}", "nested too deeply")
        for depth in range(900, 1000, 25)
    ),
    ("invalid UTF-8", b'{"username": "b\xffb"}', "Byte 16 of the line is not UTF-8."),
    ("a lone surrogate", b'{"username": "b\\ud800b", "email": "b@example.org"}', "invisible character U+D800"),
    ("NUL", b'{"username": "b\\u0000b", "email": "b@example.org"}', "invisible character U+0000"),
    ("a surrogate group", b'{"username": "bob", "email": "b@example.org", "groups": ["\\udfff"]}', "There is no group"),
    ("2 MiB", b'{"username": "' + b"b" * 2**21 + b'"}', "The line has more than 1048576 bytes."),
]


@pytest.mark.parametrize(("bad", "message"), [pytest.param(b, m, id=i) for i, b, m in BAD_JSON])
def test_invalid_json_fails_one_row(world: World, bad: bytes, message: str) -> None:
    good = [json.dumps({"username": name, "email": f"{name}@example.org"}).encode() for name in ("ann", "cy")]
    path = world.write(b"\n".join([good[0], bad, good[1]]), "users.jsonl")
    rejects = world.directory / "rejects.jsonl"
    result = world.run(path, options(world, format="jsonl", encoding="utf-8", rejects=rejects))
    assert [outcome for _, outcome, _ in reported(world)] == ["created", "failed", "created"]
    assert message in read_jsonl(world.directory / "report.jsonl")[1]["message"]
    assert result.counts.total == 3
    assert len(read_jsonl(rejects)) == 1
    assert list(world.people()) == ["ann", "cy"]


def test_memory_is_bounded_for_any_file(world: World) -> None:
    import tracemalloc

    path = world.directory / "long.csv"
    with path.open("wb") as file:
        file.write(b"username,email\nann,ann@example.org\n")
        for piece in (b'"', b"x"):
            file.write(piece)
            for _ in range(32):
                file.write(b"y" * 2**20)
            file.write(b"\n")
    tracemalloc.start()
    result = world.run(path, QUIET)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (result.counts.created, result.counts.failed) == (1, 2)
    assert peak < 20 * 2**20


def test_user_registered_meanwhile_by_another_process_is_refused_alone(worlds: Callable[[], World]) -> None:
    """Another process registers a user of the chunk after the lookup: only that row is refused."""
    one = worlds()
    other = World(one.directory)
    lines = [f'user{number},user{number}@example.org,"{ARGON2}"' for number in range(50)]
    path = one.write("\n".join(["username,email,password_hash", *lines]))
    one.run(one.write("username,email\nfirst,first@example.org\n", "first.csv"), QUIET)

    original = one.services.hasher.are_plain

    def meanwhile(hashes: Sequence[str]) -> bool:
        other.users.register_user("user30", "user30@example.org", None, mail="none")
        return original(hashes)

    one.services.hasher.are_plain = meanwhile  # type: ignore[method-assign]
    result = one.run(path, QUIET)
    other.close()
    assert (result.counts.created, result.counts.failed) == (49, 1)
    assert one.verify() == GROUP_EVENTS + 52


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("size", "mark"),
    [
        (2**16, None),
        (2**16 + 1, "Its text was cut: it is the first 65536 of its 65537 bytes."),
        (2**21, "Its text was cut: it is the first 65536 of more than 1048576 bytes."),
    ],
)
def test_truncated_reject_is_marked(world: World, form: Literal["csv", "jsonl"], size: int, mark: str | None) -> None:
    rejects = world.directory / f"rejects.{form}"
    first = "username,email\nann,ann@x.org\n" if form == "csv" else '{"username": "ann", "email": "ann@x.org"}\n'
    path = world.write(f"{first}{'x' * (size - 1)}\n", f"users.{form}")
    assert world.run(path, ImportOptions(format=form, mail="none", rejects=rejects)).counts.failed == 1
    if form == "csv":
        with rejects.open(newline="") as file:
            (reject,) = csv.DictReader(file)
    else:
        (reject,) = read_jsonl(rejects)
    assert reject["username"] == "x" * min(size - 1, 2**16)
    assert reject["error"].endswith(mark) if mark else "cut" not in reject["error"]


def test_a_row_without_a_name_and_an_address_is_named(world: World) -> None:
    path, report = world.write("username,email,groups\n,,staff\n"), world.directory / "report.jsonl"
    world.run(path, ImportOptions(mail="none", username_from="email", report=report))
    assert [(one["message"], one["hint"]) for one in read_jsonl(report)] == [
        ("The row has neither a user name nor an e-mail address.", None)
    ]


def test_a_user_who_exists_is_refused_with_the_options_for_it(world: World) -> None:
    path, report = world.write("username,email\nann,ann@example.org\n"), world.directory / "report.jsonl"
    for _ in range(2):
        world.run(path, ImportOptions(mail="none", report=report), restart=True)
    assert [(one["message"], one["hint"]) for one in read_jsonl(report)] == [
        (
            "The user name 'ann' is taken.",
            "To change such users, add --if-exists update; to leave them out, --if-exists skip.",
        )
    ]


@pytest.mark.parametrize("size", [2**17 + 1, 2**20 - 100])
def test_long_cell_of_an_ignored_column_is_accepted(world: World, size: int) -> None:
    path = world.write(f'username,email,note\nann,ann@x.org,{"x" * size}\nbob,bob@x.org,"{"x" * size}"\n')
    assert world.run(path, ImportOptions(mail="none", ignored=("note",))).counts.created == 2


@pytest.mark.parametrize("if_exists", ["fail", "skip", "update"])
def test_missing_value_is_named(world: World, if_exists: Literal["fail", "skip", "update"]) -> None:
    path = world.write("username,email,display_name\nann,,\n,bob@example.org,\ncy, ,\n,,Dan\n")
    report = world.directory / "report.jsonl"
    result = world.run(path, ImportOptions(mail="none", if_exists=if_exists, report=report))
    assert (result.counts.failed, result.counts.total) == (4, 4)
    assert [(one["line"], one["code"], one["message"]) for one in read_jsonl(report)] == [
        (2, "validation_error", "The row has no e-mail address."),
        (3, "validation_error", "The row has no user name."),
        (4, "validation_error", "The row has no e-mail address."),
        (5, "validation_error", "The row has neither a user name nor an e-mail address."),
    ]
