"""The speed and memory of imports of other tables, and of imports that update, compared with a plain one in one run.

    python -m tests.benchmarks.tables [--users 50000] [--runs 3]

Rows per second of the whole command on SQLite, with hashes already made, of

- a table with other names of columns, semicolons and Windows-1252 (at least 0.9 of the plain rate),
- a workbook (at least 5,000 rows a second),
- an update of each user: a display name, or the groups and a flag (at least 0.25 of the rate that creates the users).

The peak memory is that of the command. A workbook is read by a process of its own, which may have 150 MiB of addresses.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.imports import HASH
from tests.imports.workbooks import workbook
from tests.peak_memory import wrapped

LBACK = Path(sys.executable).with_name("lback")
FOREIGN = ("--delimiter", ";", "--encoding", "cp1252", "--ignore", "Abteilung")
MAP = ("--map", "username=Benutzername,email=E-Mail,password_hash=Kennwort,is_email_verified=Geprüft")


def main() -> None:
    """Measure, print, and exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3, help="of each import; the median counts")
    arguments = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python {platform.python_version()}, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}; {arguments.users:,} users, medians of {arguments.runs}\n")
    with tempfile.TemporaryDirectory(prefix="lback-tables-") as temporary:
        held = measure(Path(temporary), arguments.users, arguments.runs)
    sys.exit(0 if held else 1)


def measure(directory: Path, users: int, runs: int) -> bool:
    """Print the rate of each import, and return whether all targets are met."""
    write_files(directory, users)
    rates: dict[str, list[float]] = {}
    peaks: dict[str, float] = {}
    for number in range(runs):
        for name, words in IMPORTS.items():
            # Updates need the users of the plain import.
            base = "plain" if name in {"display name", "groups and flag"} else name
            took, peaks[name] = imported(directory / f"{base}{number}", [str(directory / words[0]), *words[1:]])
            rates.setdefault(name, []).append(users / took)
    print(f"{'':24}{'rows/s':>10}{'to plain':>10}{'target':>10}{'MiB':>8}")
    held = True
    for name, found in rates.items():
        ratio = statistics.median(one / plain for one, plain in zip(found, rates["plain"], strict=True))
        rate, target = statistics.median(found), TARGETS.get(name)
        met = target is None or (rate if target > 1 else ratio) >= target
        held = held and met
        print(f"{name:24}{rate:>10,.0f}{ratio:>10.2f}{target or '':>10}{peaks[name]:>8.0f}{'' if met else '  missed'}")
    return held


IMPORTS = {
    "plain": ("plain.csv",),
    "map, semicolons, cp1252": ("foreign.csv", *FOREIGN, *MAP),
    "workbook": ("plain.xlsx",),
    "display name": ("names.csv", "--if-exists", "update"),
    "groups and flag": ("groups.csv", "--if-exists", "update"),
}
TARGETS = {"map, semicolons, cp1252": 0.9, "workbook": 5000, "display name": 0.25, "groups and flag": 0.25}


def write_files(directory: Path, users: int) -> None:
    """Write the same users as each kind of file."""
    names = [(f"user{number}", f"user{number}@example.org") for number in range(users)]
    plain = [("username", "email", "password_hash", "is_email_verified", "groups")]
    plain += [(*name, HASH, "true", "staff") for name in names]
    write_table(directory / "plain.csv", plain)
    workbook(directory / "plain.xlsx", plain)
    foreign = [("Benutzername", "E-Mail", "Kennwort", "Geprüft", "Abteilung")]
    foreign += [(*name, HASH, "ja", "Küche") for name in names]
    write_table(directory / "foreign.csv", foreign, delimiter=";", encoding="cp1252")
    shown = [("username", "email", "display_name"), *((*name, f"User {name[0]}") for name in names)]
    write_table(directory / "names.csv", shown)
    moved = [("username", "email", "is_active", "groups"), *((*name, "false", "guests") for name in names)]
    write_table(directory / "groups.csv", moved)


def write_table(path: Path, rows: Sequence[tuple[str, ...]], *, delimiter: str = ",", encoding: str = "utf-8") -> None:
    """Write *rows* as CSV."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def imported(directory: Path, words: list[str]) -> tuple[float, float]:
    """Run the command with a database in *directory*, and return the seconds and the MiB that it took."""
    names = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    directory.mkdir(exist_ok=True)
    environment = os.environ | dict.fromkeys(names, str(directory))
    for group in ("staff", "guests"):
        created = [str(LBACK), "group", "create", group, "--if-exists", "skip", "-q"]
        subprocess.run(created, env=environment, stdout=subprocess.DEVNULL, check=True)
    report = directory / "peak"
    command = wrapped(report, "user", "import", *words, "--mail", "none", "-q")
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(f"the import failed: {' '.join(command)}")
    return time.perf_counter() - started, float(report.read_text())


if __name__ == "__main__":
    main()
