"""The cost of a look at a moment in the past, compared with a look at today, in a long event log.

    python -m tests.benchmarks.history [--users 1000000] [--events 10000000] [--groups 100] [--runs 9] [--file PATH]

`lback user show` and `lback user list` run as whole processes, in turn with and without `--as-of`. The times are
processor times, because other work on the machine does not count in them. The database is a temporary file unless one
is named, which is then kept. That of a million users has 8 GB, and takes a quarter of an hour to fill.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.lists import run
from tests.benchmarks.long_log import LongLog
from tests.peak_memory import wrapped

ONE, ALL = 1.2, 3.0
"""The targets: how many times as long a look at the past may take, at one user and at all."""


def main() -> None:
    """Fill the database, measure, print, and exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000, help="how many (default a million)")
    parser.add_argument("--events", type=int, default=10_000_000, help="how many (default ten million)")
    parser.add_argument("--groups", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--runs", type=int, default=9, help="of each command (default 9)")
    parser.add_argument("--file", type=Path, help="keep the database here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lback-history-") as temporary:
        directory = Path(temporary)
        path: Path = arguments.file or directory / "users.db"
        if not path.exists():
            LongLog(path, arguments.users, arguments.events, arguments.groups, datetime.now(UTC)).fill()
        lback = wrapped(directory / "peak", "--database-url", f"sqlite:///{path}", "user")
        moment = ["--as-of", f"{datetime.now(UTC) - timedelta(days=180):%Y-%m-%d}"]
        print(f"{'':12}{'today s':>10}{'past s':>10}{'ratio':>8}{'MiB':>6}")
        shown = measure("show", [*lback, "show", f"id:{arguments.users // 3}"], moment, directory, arguments.runs)
        listed = measure("list", [*lback, "list", "-o", "csv"], moment, directory, max(1, arguments.runs // 3))
    sys.exit(0 if shown <= ONE and listed <= ALL else 1)


def measure(name: str, command: list[str], moment: list[str], directory: Path, runs: int) -> float:
    """Run *command* with and without *moment* in turn, print a line, and return the median ratio."""
    peak, files = directory / "peak", (directory / "today", directory / "past")
    pairs = [(run(command, files[0], peak), run([*command, *moment], files[1], peak)) for _ in range(runs)]
    today, past = (statistics.median(one.processor for one in side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(past.processor / today.processor for today, past in pairs)
    memory = max(past.memory for _, past in pairs)
    print(f"{name:12}{today:10.2f}{past:10.2f}{ratio:8.2f}{memory:6.0f}")
    return ratio


if __name__ == "__main__":
    main()
