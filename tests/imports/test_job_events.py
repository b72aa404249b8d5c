"""The event log shows which file was imported, when it was resumed, and how it ended."""

import hashlib
from typing import Any

import pytest

from lback_cli.imports.options import ImportOptions

from .harness import Recorder, World

CONTENT = "username,email\nann,ann@example.org\nbob,bob@example.org\nann,ann@example.org\nzoe,nowhere\n"
COUNTS = {"created": 2, "updated": 0, "skipped": 1, "failed": 1}


class StoppedHereError(Exception):
    """An exception that interrupts an import."""


def stop() -> None:
    raise StoppedHereError


def options(**more: Any) -> ImportOptions:
    return ImportOptions(mail="none", if_exists="skip", **more)


def started(about: dict[str, Any], rows_done: int = 0) -> tuple[str, dict[str, Any]]:
    return "import_started", about | {"rows_done": rows_done}


def finished(about: dict[str, Any], state: str, **counts: int) -> tuple[str, dict[str, Any]]:
    return "import_finished", about | {"state": state, "counts": dict.fromkeys(COUNTS, 0) | counts}


def about(world: World, content: str = CONTENT, job: int = 0) -> dict[str, Any]:
    """Return what identifies the import of *content* whose events begin at the event number *job* of imports."""
    return {
        "changes": {},
        "file": str(world.directory / "users.csv"),
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "job": world.import_events()[job][1]["job"],
    }


def test_import_leaves_its_file_and_its_counts(world: World) -> None:
    result = world.run(world.write(CONTENT), options())

    assert world.import_events() == [started(about(world)), finished(about(world), "done", **COUNTS)]
    assert about(world)["job"] == result.job


def test_each_process_that_resumes_is_recorded(world: World) -> None:
    path = world.write(CONTENT)
    with pytest.raises(StoppedHereError):
        world.run(path, options(), watcher=Recorder(at={1: stop}), chunk=2)

    world.run(path, options(), resume=True)

    assert world.import_events() == [
        started(about(world)),
        started(about(world), rows_done=2),
        finished(about(world), "done", **COUNTS),
    ]


def test_stopped_import_has_ended_until_it_is_resumed(world: World) -> None:
    path = world.write("username,email\nann,ann@example.org\nzoe,nowhere\nbob,bob@example.org\n")
    world.run(path, options(on_error="stop"))

    end = finished(about(world, path.read_text()), "stopped", created=1, failed=1)
    assert world.import_events()[1:] == [end]


def test_restart_ends_the_import_that_it_replaces(world: World) -> None:
    path = world.write(CONTENT)
    with pytest.raises(StoppedHereError):
        world.run(path, options(), watcher=Recorder(at={1: stop}), chunk=2)

    world.run(path, options(), restart=True)

    assert world.import_events() == [
        started(about(world)),
        finished(about(world), "abandoned", created=2),
        started(about(world, job=2)),
        finished(about(world, job=2), "done", skipped=3, failed=1),
    ]


@pytest.mark.parametrize("fault", ["row", "interruption"])
def test_atomic_import_that_is_rolled_back_leaves_its_end(world: World, fault: str) -> None:
    if fault == "row":
        world.run(world.write(CONTENT), options(atomic=True))
        counts = {"skipped": 3, "failed": 1}
    else:
        path = world.write(CONTENT.replace("zoe,nowhere\n", ""))
        with pytest.raises(StoppedHereError):
            world.run(path, options(atomic=True), watcher=Recorder(at={1: stop}))
        counts = {}

    described = about(world, (world.directory / "users.csv").read_text())
    assert world.import_events() == [started(described), finished(described, "rolled_back", **counts)]
    assert world.people() == {}
