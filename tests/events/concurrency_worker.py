"""Processes that write to one log at once: ``python -m tests.events.concurrency_worker URL DIRECTORY NUMBER COUNT``.

Worker NUMBER runs COUNT operations, some of which fail, and prints how many it ran. Tests call `check`.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from lback_cli.errors import DatabaseError, LbackError
from lback_cli.events.actor import acting_as

from .harness import PASSWORD, Installation
from .reference_verifier import problem
from .tampering import lines_of


def work(installation: Installation, number: int, count: int) -> int:
    """Run *count* operations as worker *number*, some for a name that all workers want, and return the count."""
    users = installation.users
    with acting_as(f"worker {number}"):
        for turn in range(count):
            try:
                match turn % 5:
                    case 0:
                        users.register_user(
                            f"u{number}x{turn}", f"u{number}x{turn}@example.org", PASSWORD, verified=True
                        )
                    case 1:
                        users.authenticate_user(f"u{number}x{turn - 1}", PASSWORD)
                    case 2:
                        users.authenticate_user(f"nobody {number}", PASSWORD)
                    case 3:
                        users.register_user(f"same{turn}", f"same{turn}@example.org", PASSWORD, verified=True)
                    case _:
                        users.update_user(1, {"is_active": bool(number % 2)})
            except DatabaseError as error:
                # A wait for a lock that took too long does not matter here.
                sys.stderr.write(f"{error}\n")
            except LbackError:
                pass
    return count


def run_workers(url: str, directory: Path, workers: int, each: int) -> int:
    """Run *each* operations in each of *workers* processes at once, and return the total."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.events.concurrency_worker", url, str(directory), str(number), str(each)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(workers)
    ]
    total = 0
    for process in started:
        out, err = process.communicate(timeout=1200)
        assert (process.returncode, err) == (0, ""), err
        total += int(out)
    return total


def check(installation: Installation, url: str, workers: int, each: int) -> None:
    """Run the workers and check the log."""
    installation.register("first")
    total = run_workers(url, installation.directory, workers, each)
    rows = installation.rows()
    assert total == workers * each
    assert [row["seq"] for row in rows] == list(range(1, total + 2))
    assert Counter(row["actor"] for row in rows[1:]) == {f"worker {number}": each for number in range(workers)}
    assert len({row["previous_hash"] for row in rows}) == len({row["id"] for row in rows}) == total + 1
    assert not [row for row in rows if row["outcome"] == "repository_error"]
    assert installation.log.verify().events == total + 1
    assert problem(lines_of(installation.export())) is None
    registered = [json.loads(row["data"])["user"]["username"] for row in rows if row["signal"] == "user_registered"]
    assert max(Counter(registered).values()) == 1
    installation.database.dispose()


if __name__ == "__main__":
    _url, _directory, _number, _count = sys.argv[1:]
    _world = Installation(_url, Path(_directory))
    print(work(_world, int(_number), int(_count)))  # noqa: T201 - the answer
    _world.database.dispose()
