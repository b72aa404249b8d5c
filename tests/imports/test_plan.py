"""A plan is applied exactly or refused."""

import json
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from lback_cli.errors import Conflict, OperationRejected, UsageError, ValidationError
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import Plan, PlanWriter
from lback_cli.signals import user_registered
from lback_cli.testing import SignalRecorder

from .harness import ARGON2, BCRYPT, PASSWORD, Recorder, World, read_jsonl

MD5 = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
CONTENT = (
    "username,email,password,password_hash,groups\n"
    "ann,ann@example.org,,,staff\n"
    f'bob,bob@example.net,,"{BCRYPT}",\n'
    f"cy,cy@example.org,{PASSWORD},,\n"
    "bad name,x,,,\n"
    "dee,dee@example.org,,$y$unknown,\n"
    f"eve,eve@example.org,,{MD5},\n"
    "cy,cy@example.com,,,\n"
)
TEMPLATES = {
    "Your account at": "invitation",
    "Confirm your e-mail address for": "verify_email",
    "Your e-mail address at": "email_changed",
    "Your password at": "password_changed",
}
"""The templates of mails by the beginning of the subject."""

UPDATE = ImportOptions(if_exists="update", mail="verify")


@pytest.fixture
def peopled(world: World) -> World:
    """Return a world with bob, and with fay, who is not in the plan."""
    path = world.write(
        f'username,email,password_hash\nbob,bob@example.org,"{ARGON2}"\nfay,fay@example.org,"{ARGON2}"\n', "before.csv"
    )
    world.run(path, ImportOptions(mail="none"))
    return world


def mails(world: World) -> list[str]:
    """Return the templates of the mails that were sent, in their order."""
    files = sorted((world.directory / "mail").glob("*.eml"))
    subjects = (file.read_text().partition("Subject: ")[2].partition("lback")[0].strip() for file in files)
    return [TEMPLATES[subject] for subject in subjects]


def planned(world: World, options: ImportOptions = UPDATE, content: str = CONTENT) -> Path:
    path = world.directory / "plan.jsonl"
    world.importer().plan(str(world.write(content)), options, PlanWriter(world.services.hasher, path))
    return path


def apply(world: World, path: Path) -> Any:
    plan = Plan(path)
    return world.importer().apply(plan, plan.options)


def test_plan_has_the_outcome_of_each_row_and_changes_nothing(peopled: World) -> None:
    before = peopled.state()
    path = planned(peopled)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[-1]["summary"] == {
        "created": 3,
        "updated": 2,
        "skipped": 0,
        "failed": 2,
        "total": 7,
        "stopped_at_line": None,
        "cannot_log_in": {"no_password": 1, "unverified": 4},
        "left_out": {},
        "created_groups": [],
        "mails": {"email_changed": 2, "invitation": 1, "verify_email": 4},
        "password_hashes": {"bcrypt": 1, "md5_crypt": 1},
        "weak_password_hashes": {"md5_crypt (1,000 rounds of MD5)": 1},
        "signals": {
            "user_email_verification_initiated": 4,
            "user_pre_register": 3,
            "user_registered": 3,
            "user_registration_failed": 2,
            "user_registration_started": 5,
            "user_update_started": 2,
            "user_updated": 2,
        },
    }
    assert [(line["line"], line["outcome"]) for line in lines[1:-1]] == [
        (2, "created"),
        (3, "updated"),
        (4, "created"),
        (5, "failed"),
        (6, "failed"),
        (7, "created"),
        (8, "updated"),
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert peopled.state() == before
    assert peopled.jobs()[1:] == []
    assert peopled.services.hasher.operations == 0


FLAGS = ("", "true", "false")


def mailed_csv(domain: str, flags: int) -> str:
    """Return a file of invited, hashed and broken rows, whose flags depend on *flags*."""
    lines = ["username,email,password_hash,is_active,is_email_verified"]
    for number in range(60):
        name = "bad name" if number % 20 == 7 else f"user{number}"
        stored = f'"{(ARGON2, BCRYPT)[(number + flags) % 2]}"' if number % 3 else ""
        lines.append(f"{name},user{number}@{domain},{stored},{FLAGS[number % 5 % 3]},{FLAGS[(number + flags) % 3]}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("mail", ["invite", "verify", "none"])
def test_plan_counts_the_signals_and_mails_of_its_import(world: World, mail: Any) -> None:
    """New users first, and then updates of their addresses and passwords, for which a plan runs no operation each."""
    options = ImportOptions(mail=mail, if_exists="update", overwrite_passwords=True)
    for number, domain in enumerate(("example.org", "example.net")):
        path = world.write(mailed_csv(domain, number))
        writer = PlanWriter(world.services.hasher)
        world.importer().plan(str(path), options, writer)
        before = len(mails(world))
        with SignalRecorder() as recorder:
            world.run(path, options)
        assert writer.summary["signals"] == Counter(recorder.names)
        assert writer.summary["mails"] == Counter(mails(world)[before:])


@pytest.mark.parametrize("mail", ["invite", "verify"])
def test_plan_of_mailed_users_has_few_statements(world: World, mail: Any) -> None:
    options = ImportOptions(mail=mail, if_exists="update", overwrite_passwords=True)
    counts = list[int]()

    def count(*_: Any) -> None:
        counts[-1] += 1

    event.listen(world.database.engine, "before_cursor_execute", count)
    for number, domain in enumerate(("example.org", "example.net")):
        path = world.write(mailed_csv(domain, number))
        counts.append(0)
        world.importer().plan(str(path), options, PlanWriter(world.services.hasher))
        counts.append(0)
        world.run(path, replace(options, mail="none"))
    assert max(counts[::2]) < 2 * 60  # of each user alone, it would have 20


def test_plan_is_applied(peopled: World) -> None:
    result = apply(peopled, planned(peopled))
    assert (result.state, result.counts.created, result.counts.updated, result.counts.failed) == ("done", 3, 2, 2)
    assert peopled.users.authenticate_user("cy", PASSWORD, allow_unverified=True).email == "cy@example.com"
    assert peopled.people()["bob"][0] == "bob@example.net"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.write(CONTENT + "\n"), "has changed since the plan was made"),
        (lambda w: w.users.update_user(1, {"is_active": False}), "line 3: the user has changed"),
        (lambda w: w.users.delete_user(1), "line 3: the plan updates the user, but now the user would be created"),
        (
            lambda w: w.users.register_user("ann", "ann@example.org", None, mail="none"),
            "line 2: the plan creates the user, but now the user would be updated",
        ),
        (
            lambda w: w.users.register_user("gus", "eve@example.org", None, mail="none"),
            "line 7: the plan creates the user, but now the row would fail",
        ),
    ],
)
def test_plan_is_refused_if_its_input_or_users_changed(
    peopled: World, change: Callable[[World], object], message: str
) -> None:
    path = planned(peopled)
    change(peopled)
    before = peopled.state()
    with pytest.raises(Conflict, match=message):
        apply(peopled, path)
    assert peopled.state() == before
    assert not (peopled.directory / "mail").exists()


def test_plan_is_applied_after_changes_of_other_users(peopled: World) -> None:
    path = planned(peopled)
    peopled.users.update_user(2, {"is_active": False})
    assert apply(peopled, path).state == "done"


def test_plan_is_applied_only_once(peopled: World) -> None:
    path = planned(peopled)
    apply(peopled, path)
    before = peopled.state()
    with pytest.raises(Conflict, match="The plan is out of date"):
        apply(peopled, path)
    assert peopled.state() == before


def test_veto_of_a_planned_row_rolls_back_the_plan(peopled: World) -> None:
    path = planned(peopled)
    before, events = peopled.people(), peopled.verify()

    def refuse(_sender: Any, user: Any, **_extra: Any) -> None:
        if user.username == "cy":
            raise OperationRejected("not cy")

    with user_registered.connected_to(refuse), pytest.raises(Conflict, match="line 4: the plan creates the user"):
        apply(peopled, path)
    assert peopled.people() == before
    # Users announced before the veto get a failure signal.
    ended = [event[1:5] for event in peopled.events()[events:]]
    assert {signal.endswith("_failed") for signal, *_ in ended} == {True}
    assert ("user_registration_failed", "register_user", "rejected_by_receiver", "cy") in ended
    peopled.verify()


def test_plan_that_stops_at_a_row_is_applied_up_to_it(peopled: World) -> None:
    path = planned(peopled, ImportOptions(if_exists="update", mail="none", on_error="stop"))
    result = apply(peopled, path)
    summary = json.loads(path.read_text().splitlines()[-1])["summary"]
    assert (result.state, summary["stopped_at_line"]) == ("stopped", 5)
    assert (result.counts.created, result.counts.updated, result.counts.failed) == (2, 1, 1)
    # The rows after that one can be imported by resuming, as after any stopped import.
    options = Plan(path).options
    rest = peopled.run(peopled.directory / "users.csv", options, resume=True)
    assert rest.counts.total > result.counts.total
    assert [state for state, *_ in peopled.jobs()][-1] == "stopped"


def test_atomic_plan_with_a_refused_row_is_rolled_back(peopled: World) -> None:
    before = peopled.people()
    path = planned(peopled, ImportOptions(if_exists="update", mail="none", atomic=True))
    result = apply(peopled, path)
    assert (result.state, result.counts.created, result.counts.updated) == ("rolled_back", 0, 0)
    assert peopled.people() == before


def test_changed_input_is_reported_before_its_errors(peopled: World) -> None:
    path = planned(peopled)
    peopled.write("username;email\nann;ann@example.org\n")
    with pytest.raises(Conflict, match="has changed since the plan was made"):
        apply(peopled, path)


def test_plan_does_not_overwrite_files_of_an_unfinished_import(world: World) -> None:
    report = world.directory / "report.jsonl"
    options = ImportOptions(mail="none", on_error="stop", report=report)
    content = "username,email\nann,ann@example.org\nbad name,x\nbob,bob@example.org\n"
    assert world.run(world.write(content), options).state == "stopped"
    written = report.read_bytes()
    with pytest.raises(Conflict) as caught:
        planned(world, ImportOptions(mail="none", report=report), content)
    assert caught.value.message == f"{report} belongs to an import of this input that is not finished."
    assert report.read_bytes() == written


def test_passwords_are_generated_when_the_plan_is_applied(peopled: World) -> None:
    passwords = peopled.directory / "passwords.csv"
    path = planned(peopled, ImportOptions(mail="none", passwords=passwords), "username,email\ngil,gil@example.org\n")
    assert not passwords.exists()
    apply(peopled, path)
    name, password = passwords.read_text().splitlines()[1].split(",")
    assert peopled.users.authenticate_user(name, password, allow_unverified=True).username == "gil"


def test_incomplete_plan_is_refused(peopled: World) -> None:
    path = planned(peopled)
    whole = path.read_text()
    for broken in ("", "{}", "[]", whole[: len(whole) // 2], whole.replace("created", "skipped", 1), whole + "{}\n"):
        path.write_text(broken)
        with pytest.raises(ValidationError, match="is not a complete plan that --plan-file wrote"):
            Plan(path)
    with pytest.raises(UsageError, match="No such file"):
        Plan(peopled.directory / "missing")


def test_plan_writes_a_report(peopled: World) -> None:
    report = peopled.directory / "report.jsonl"
    planned(peopled, ImportOptions(if_exists="update", report=report))
    assert [(one["outcome"], one["id"]) for one in read_jsonl(report, ids=True)] == [
        ("created", None),
        ("updated", 1),
        ("created", None),
        ("failed", None),
        ("failed", None),
        ("created", None),
        ("updated", None),
    ], "a user that is not registered yet has no id"


def test_planned_users_leave_no_rows_for_later_plans(peopled: World) -> None:
    content = f"""username,email,password_hash
ann,bob@example.org,"{ARGON2}"
cy,ann@example.org,
cy,bob@example.org,"{ARGON2}"
"""
    for number in range(5):
        names = content.replace("cy", f"cy{number}").replace("ann@", f"ann{number}@")
        result = apply(peopled, planned(peopled, ImportOptions(if_exists="update"), names))
        assert (result.counts.created, result.counts.failed) == (1, 2)


def test_plan_file_must_not_be_the_input_or_the_report(peopled: World) -> None:
    path = peopled.write(CONTENT)
    with pytest.raises(UsageError, match="cannot be both the input and --plan-file"):
        peopled.importer().plan(str(path), UPDATE, PlanWriter(peopled.services.hasher, path))
    assert path.read_text() == CONTENT
    plan = planned(peopled)
    written = plan.read_bytes()
    with pytest.raises(UsageError, match="cannot be both --report and --apply"):
        peopled.importer().apply(Plan(plan), replace(UPDATE, report=plan))
    assert plan.read_bytes() == written


def test_interrupted_plan_is_rolled_back_and_not_resumed(peopled: World) -> None:
    plan, watcher = Plan(planned(peopled)), Recorder(at={1: _interrupt}, command="unset")
    before = peopled.state()
    with pytest.raises(KeyboardInterrupt):
        peopled.importer(watcher).apply(plan, plan.options)
    assert watcher.command is None
    assert peopled.state() == before


def test_plan_abandons_an_unfinished_import_only_with_restart(peopled: World) -> None:
    path, chance = peopled.write(CONTENT), Recorder(at={1: _interrupt})
    with pytest.raises(KeyboardInterrupt):
        peopled.run(path, UPDATE, chunk=1, watcher=chance)
    plan = Plan(planned(peopled))
    before = peopled.state()
    with pytest.raises(Conflict, match="not finished; 1 rows are imported") as refused:
        peopled.importer().apply(plan, plan.options)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("Begin again with --restart, or continue: lback ")
    assert refused.value.hint.endswith(" --resume")
    assert peopled.state() == before
    result = peopled.importer().apply(plan, plan.options, restart=True)
    # Ann was imported before the restart, so the plan skips her.
    assert (result.counts.created, result.counts.updated, result.counts.skipped) == (2, 2, 1)
    assert [job[0] for job in peopled.jobs()] == ["done", "abandoned", "done"]


def _interrupt() -> None:
    raise KeyboardInterrupt
