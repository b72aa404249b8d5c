"""Resuming an import: each row is imported once, and other imports are refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import Conflict
from lback_cli.imports.options import ImportOptions
from lback_cli.lease import LeaseOwner
from lback_cli.models import ImportJob
from lback_cli.repositories.unit_of_work import transaction

from .harness import ARGON2, GROUP_EVENTS, Recorder, World, read_jsonl

ROWS = 40
CONTENT = "username,email,password_hash\n" + "".join(
    f'user{number:02},user{number:02}@example.org,"{ARGON2}"\n' for number in range(ROWS)
)


class StoppedHereError(Exception):
    """An exception that ends a process after its cleanup."""


def stop() -> None:
    raise StoppedHereError


def options(world: World, **more: Any) -> ImportOptions:
    return ImportOptions(mail="none", report=world.directory / "report.jsonl", **more)


def interrupted(world: World, content: str = CONTENT, **more: Any) -> tuple[Path, Recorder]:
    """An import that ended after two of four chunks."""
    path = world.write(content)
    watcher = Recorder(at={2: stop})
    with pytest.raises(StoppedHereError):
        world.run(path, options(world, **more), watcher=watcher, chunk=10)
    assert len(world.people()) == ROWS // 2
    return path, watcher


def hold(world: World, owner: str, minutes: int = 1) -> None:
    """Store *owner* as the process that runs the import."""
    from datetime import timedelta

    with transaction(world.database) as work:
        job = work.session.query(ImportJob).one()
        job.owner, job.lease_until = owner, world.services.now() + timedelta(minutes=minutes)


def test_interrupted_import_names_the_command_that_resumes_it(world: World) -> None:
    path, watcher = interrupted(world)
    report = world.directory / "report.jsonl"
    assert watcher.command == f"lback user import {path} --format csv --mail none --report {report} --resume"
    assert world.jobs() == [("running", 20, 20, 0, 0, 0, None)]
    assert len(report.read_text().splitlines()) == ROWS // 2

    result = world.run(path, options(world), resume=True)
    assert (result.state, result.counts.created) == ("done", ROWS)
    assert [one["line"] for one in read_jsonl(report)] == list(range(2, ROWS + 2))
    assert (len(world.people()), world.verify()) == (ROWS, GROUP_EVENTS + ROWS)


def test_finished_import_is_not_repeated(world: World) -> None:
    path, _ = interrupted(world)
    world.run(path, options(world), resume=True)
    before = world.state(), world.jobs(), (world.directory / "report.jsonl").read_text()
    result = world.run(path, options(world), resume=True)
    assert (result.state, result.counts.created) == ("finished", ROWS)
    assert (world.state(), world.jobs(), (world.directory / "report.jsonl").read_text()) == before


def test_unfinished_import_is_restarted_only_with_the_option(world: World) -> None:
    path, watcher = interrupted(world)
    with pytest.raises(Conflict, match="not finished; 20 rows are imported") as caught:
        world.run(path, options(world))
    assert caught.value.hint == f"Begin again with --restart, or continue: {watcher.command}"
    result = world.run(path, options(world, if_exists="skip"), restart=True)
    assert (result.counts.skipped, result.counts.created) == (20, 20)
    assert [job[0] for job in world.jobs()] == ["abandoned", "done"]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content + "more,more@example.org,\n",
        lambda content: content.replace("user39", "user93"),
        lambda content: content[:-100],
    ],
)
def test_changed_file_is_refused(world: World, change: Callable[[str], str]) -> None:
    path, _ = interrupted(world)
    before = world.state()
    path.write_text(change(CONTENT))
    with pytest.raises(Conflict, match="has changed since this import began; 20 rows are imported"):
        world.run(path, options(world), resume=True)
    assert world.state() == before
    path.write_text(CONTENT)
    assert world.run(path, options(world), resume=True).counts.created == ROWS


def test_moved_file_can_be_resumed(world: World) -> None:
    path, _ = interrupted(world)
    moved = path.rename(world.directory / "moved.csv")
    assert world.run(moved, options(world), resume=True).counts.created == ROWS


def test_other_options_are_refused(world: World) -> None:
    path, watcher = interrupted(world)
    with pytest.raises(Conflict, match="An import of this input with other options is not finished") as caught:
        world.run(path, options(world, if_exists="skip"), resume=True)
    assert str(watcher.command) in str(caught.value.hint)


def test_file_that_changes_during_the_import_stops_it(world: World) -> None:
    path = world.write(CONTENT)
    watcher = Recorder(at={2: lambda: path.write_text(CONTENT + "more,more@example.org,\n")})
    with pytest.raises(Conflict, match="was changed during the import"):
        world.run(path, options(world), watcher=watcher, chunk=10)
    assert len(world.people()) == ROWS // 2
    path.write_text(CONTENT)
    assert world.run(path, options(world), resume=True).counts.created == ROWS


def test_changed_report_is_refused(world: World) -> None:
    path, _ = interrupted(world)
    report = world.directory / "report.jsonl"
    written = report.read_text()
    report.write_text(written[:-5])
    with pytest.raises(Conflict, match=r"bytes, .* were written"):
        world.run(path, options(world), resume=True)
    report.unlink()
    with pytest.raises(Conflict, match="is missing"):
        world.run(path, options(world), resume=True)
    report.write_text(written + "what a crash left")
    assert world.run(path, options(world), resume=True).counts.created == ROWS
    assert len(read_jsonl(report)) == ROWS


def test_passwords_are_written_once(world: World) -> None:
    passwords = world.directory / "passwords.csv"
    content = "username,email\n" + "".join(f"user{number:02},user{number:02}@example.org\n" for number in range(40))
    path = world.write(content)
    with pytest.raises(StoppedHereError):
        world.run(path, options(world, passwords=passwords), watcher=Recorder(at={2: stop}), chunk=160)
    half = passwords.read_text()
    passwords.write_text(half + "user99,torn")
    world.run(path, options(world, passwords=passwords), resume=True)
    lines = passwords.read_text().splitlines()
    assert passwords.read_text().startswith(half)
    assert [line.split(",")[0] for line in lines[1:]] == list(world.people())
    name, password = lines[-1].split(",")
    assert world.users.authenticate_user(name, password, allow_unverified=True)


def test_concurrent_run_of_the_same_import_is_refused(world: World) -> None:
    path = world.write(CONTENT)
    other = World(world.directory)

    def again() -> None:
        with pytest.raises(Conflict, match=f"under way: process {os.getpid()} on"):
            other.run(path, options(world), resume=True)

    assert world.run(path, options(world), watcher=Recorder(at={1: again}), chunk=10).counts.created == ROWS
    other.close()
    assert world.verify() == GROUP_EVENTS + ROWS


def test_import_of_a_dead_process_can_be_resumed_at_once(world: World) -> None:
    path, _ = interrupted(world)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    me = LeaseOwner.this_process()
    hold(world, str(LeaseOwner(me.host, int(dead.stdout), me.started, "0" * 16)))
    assert world.run(path, options(world), resume=True).counts.created == ROWS


def test_reused_process_id_is_not_mistaken_for_the_owner(world: World) -> None:
    path, _ = interrupted(world)
    me = LeaseOwner.this_process()
    hold(world, str(LeaseOwner(me.host, me.pid, "1", "0" * 16)))
    assert world.run(path, options(world), resume=True).counts.created == ROWS


def test_import_on_another_machine_can_be_resumed_after_its_lease(world: World) -> None:
    path, _ = interrupted(world)
    hold(world, "elsewhere:1:1:0000000000000000")
    with pytest.raises(Conflict, match="under way: process 1 on elsewhere"):
        world.run(path, options(world), resume=True)
    hold(world, "elsewhere:1:1:0000000000000000", minutes=-1)
    assert world.run(path, options(world), resume=True).counts.created == ROWS


def test_process_that_lost_its_lease_changes_nothing(world: World) -> None:
    path = world.write(CONTENT)

    def taken_over() -> None:
        hold(world, "elsewhere:1:1:0000000000000000")

    with pytest.raises(Conflict, match="Another process has taken over this import"):
        world.run(path, options(world), watcher=Recorder(at={2: taken_over}), chunk=10)
    assert (len(world.people()), world.verify()) == (ROWS // 2, GROUP_EVENTS + ROWS // 2)
    assert world.jobs() == [("running", 20, 20, 0, 0, 0, "elsewhere:1:1:0000000000000000")]


def test_interrupted_atomic_import_starts_again(world: World) -> None:
    path = world.write(CONTENT)
    with pytest.raises(StoppedHereError):
        world.run(path, options(world, atomic=True), watcher=Recorder(at={6: stop}), chunk=10)
    assert world.people() == {}
    assert world.run(path, options(world, atomic=True)).counts.created == ROWS
    assert [job[0] for job in world.jobs()] == ["rolled_back", "done"]
