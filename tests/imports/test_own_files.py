"""Outputs are not written to files of another user, and plans that another user can write are refused."""

import contextlib
import mmap
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lback_cli.cli.environment import open_trace_file
from lback_cli.errors import ConfigurationError, Refused, Unusable, UsageError
from lback_cli.imports.atomic_write import replacing
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import Plan, PlanWriter

from .harness import World

OTHER = 65534
INPUT = "username,email\nann,ann@example.org\nbad name,x\n"
Prepare = Callable[[Path], Path]


@dataclass(frozen=True)
class Output:
    """One of the outputs: *write* fills the file at a path."""

    name: str
    write: Callable[[World, Path], Any]


def _run(**files: Any) -> Callable[[World], Any]:
    return lambda world: world.run(world.write(INPUT), ImportOptions(mail="none", **files))


def _export(_: World, path: Path) -> None:
    with replacing(path) as write:
        write("username\nann\n")


def _trace(_: World, path: Path) -> None:
    with open_trace_file(path) as file:
        file.write("user_registered\n")


def _plan(world: World, path: Path) -> None:
    writer = PlanWriter(world.services.hasher, path)
    world.importer().plan(str(world.write(INPUT)), ImportOptions(mail="none"), writer)


OUTPUTS = [
    Output("report", lambda world, path: _run(report=path)(world)),
    Output("rejects", lambda world, path: _run(rejects=path)(world)),
    Output("plan", _plan),
    Output("trace", _trace),
    Output("export", _export),
]


def given_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, OTHER, OTHER, follow_symlinks=False)


def other_name(path: Path) -> Path:
    """Make *path* a second name of a file; return the first."""
    target = path.with_name("precious")
    target.write_text("precious")
    os.link(target, path)
    return target


def link(path: Path) -> Path:
    target = path.with_name("precious")
    target.write_text("precious")
    path.symlink_to(target)
    return target


def of_another_user(path: Path) -> Path:
    path.write_text("precious")
    given_away(path)
    return path


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
@pytest.mark.parametrize("prepare", [other_name, link, of_another_user])
def test_no_output_goes_into_a_file_that_was_prepared(world: World, output: Output, prepare: Prepare) -> None:
    path = world.directory / "output"
    target = prepare(path)
    refusal = contextlib.nullcontext() if output.name == "export" else pytest.raises((Unusable, ConfigurationError))
    with contextlib.suppress(Unusable), refusal:
        output.write(world, path)
    if output.name == "export" and prepare is not link:
        # A new file takes the place of the other, and is the user's own.
        status = path.stat()
        assert (status.st_uid, status.st_nlink, stat.S_IMODE(status.st_mode)) == (os.geteuid(), 1, 0o600)
        return
    assert target.read_text() == "precious"
    assert world.people() == {}


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_no_output_goes_through_a_linked_directory_that_was_prepared(world: World, output: Output) -> None:
    target, shared = world.directory / "target", world.directory / "shared"
    target.mkdir()
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(target)
    given_away(shared / "link")
    with pytest.raises((Unusable, ConfigurationError), match="another user made a symbolic link in its path"):
        output.write(world, shared / "link" / "output")
    assert list(target.iterdir()) == []
    assert world.people() == {}


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_no_output_goes_into_a_pipe_of_another_user(world: World, output: Output) -> None:
    path = world.directory / "output"
    os.mkfifo(path)
    given_away(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises((Unusable, ConfigurationError), match="belongs to another user"):
        output.write(world, path)
    assert os.read(reader, 100) == b""
    os.close(reader)


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_own_file_pipe_and_descriptor_are_written(world: World, output: Output) -> None:
    path = world.directory / "output"
    path.touch(0o600)
    output.write(world, path)
    assert path.stat().st_size > 0
    pipe = world.directory / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    output.write(world, pipe)
    assert os.read(reader, 10)
    os.close(reader)
    with (world.directory / "redirected").open("w+b") as file:
        output.write(world, Path(f"/dev/fd/{file.fileno()}"))
        assert file.seek(0, os.SEEK_END) > 0


def writable(path: Path) -> None:
    path.chmod(0o622)


@pytest.mark.parametrize("make", [writable, given_away])
def test_a_plan_that_others_can_have_written_is_refused(world: World, make: Callable[[Path], None]) -> None:
    path = world.directory / "plan.jsonl"
    _plan(world, path)
    assert Plan(path).options == ImportOptions(mail="none")
    make(path)
    with pytest.raises(Refused, match=r"others|another user"):
        Plan(path)


def test_a_plan_in_a_linked_directory_that_another_user_made_is_refused(world: World) -> None:
    path, shared = world.directory / "plan.jsonl", world.directory / "shared"
    _plan(world, path)
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(world.directory)
    assert Plan(shared / "link" / "plan.jsonl").options == ImportOptions(mail="none")
    given_away(shared / "link")
    with pytest.raises(UsageError, match="another user made a symbolic link in its path"):
        Plan(shared / "link" / "plan.jsonl")


class Exchange(ImportObserver):
    """Replaces rows of a file in place as soon as an import has begun. No time of the file shows it."""

    def __init__(self, path: Path, old: bytes, new: bytes) -> None:
        with path.open("r+b") as file:
            self._view = mmap.mmap(file.fileno(), 0)
        self._start, self._new = self._view.find(old), new
        # The first change of a page sets the time of the file. Further ones do not, until the page is written.
        self._view[self._start : self._start + len(old)] = old

    def begun(self, size: int, rows_done: int) -> None:  # noqa: ARG002
        self._view[self._start : self._start + len(self._new)] = self._new

    def ended(self) -> None:
        self._view.close()


@pytest.mark.parametrize("make", [writable, given_away])
def test_rows_that_another_user_exchanges_after_the_digest_are_not_imported(
    world: World, make: Callable[[Path], None]
) -> None:
    source, path = world.write("username,email,groups\nann,ann@example.org,staff\n"), world.directory / "plan.jsonl"
    make(source)
    watcher = Exchange(source, b"ann,ann@example.org,staff", b"eve,eve@example.org,staff")
    world.importer().plan(str(source), ImportOptions(mail="none"), PlanWriter(world.services.hasher, path))
    plan = Plan(path)
    assert world.importer(watcher).apply(plan, plan.options).counts.created == 1
    assert list(world.people()) == ["ann"]
    assert b"eve" in source.read_bytes()
