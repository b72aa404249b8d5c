"""Sets and wanted states of many users, compared with the import of a file with the same users.

    python tests/benchmarks/sets.py [--users 10000]

Everything runs as the installed command with SQLite and the event log. An import creates the users, whose passwords are
hashed already, and another import gives each of them a new display name. Then one `lback user update --where` does the
same, `lback apply` compares a file with all users, and removes the differences of one user in a hundred, and one
`lback user delete --where` deletes all. The load of the machine is printed too, because the figures of a busy machine
say little.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

LBACK = Path(sys.executable).with_name("lback")


class Installation:
    """An empty home for the command."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        names = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
        self._environment = os.environ | dict.fromkeys(names, str(directory))

    def run(self, *words: str | Path, output: Path | None = None) -> float:
        """Run the command, and return its seconds; its stdout is written to *output*."""
        started = time.perf_counter()
        with (output or Path(os.devnull)).open("w") as stdout:
            command = [LBACK, *words]
            subprocess.run(command, cwd=self._directory, env=self._environment, stdout=stdout, check=True)
        return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=10_000)
    count = parser.parse_args().users
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, {count:,} users\n")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        lback = Installation(directory)
        created, renamed = directory / "created.csv", directory / "renamed.csv"
        write(created, count, "password_hash", lambda _: argon2_hash())
        write(renamed, count, "display_name", lambda number: f"Name {number}")
        state, other = directory / "state.yaml", directory / "other.yaml"
        importing = ("user", "import", "-q", "--mail", "none")
        seconds = {
            "import that creates them": lback.run(*importing, created),
            "import that updates them": lback.run(*importing, "--if-exists", "update", renamed),
            "`user update --where`": lback.run(
                *("user", "update", "--where", "search=user", "--set", "display_name=X", "--yes", "-q")
            ),
        }
        lback.run("user", "export", "--to", "apply", output=state)
        changed = [
            line.replace("display_name: X", "display_name: Y") if number % 100 == 0 else line
            for number, line in enumerate(state.read_text().split("- username:"))
        ]
        other.write_text("- username:".join(changed))
        seconds["`apply`, nothing differs"] = lback.run("apply", state, "--yes", "-q")
        seconds["`apply`, one in a hundred differs"] = lback.run("apply", other, "--yes", "-q")
        deleting = ("user", "delete", "--where", "search=user", "--confirm", str(count), "--max-share", "100", "-q")
        seconds["`user delete --where`"] = lback.run(*deleting)
    print("| | seconds | users/s | to the import that creates | to the import that updates |\n|---|--:|--:|--:|--:|")
    creates, updates = seconds["import that creates them"], seconds["import that updates them"]
    for what, took in seconds.items():
        print(f"| {what} | {took:.2f} | {count / took:,.0f} | {creates / took:.2f} | {updates / took:.2f} |")


def write(path: Path, count: int, column: str, value: Callable[[int], str]) -> None:
    """Write a file with *count* users and one more *column*."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["username", "email", column])
        writer.writerows([f"user{number}", f"user{number}@example.org", value(number)] for number in range(count))


def argon2_hash() -> str:
    """Return a hash of the default cost that no password has."""
    salt, digest = (b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m=65536,t=3,p=4${salt}${digest}"


if __name__ == "__main__":
    main()
