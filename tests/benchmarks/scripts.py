"""Many commands in one process, compared with a shell loop that starts a process for each.

    python tests/benchmarks/scripts.py [--commands 1000] [--loop 25] [--runs 3]

Both run `lback user update` with another display name each time, with SQLite, and write the updated user to a pipe.
Runs alternate: a loop of some commands, then a script of many. The time of a command in either includes its share of
the start. The ratio is that of the medians. The load of the machine is printed too, because the figures of a busy
machine say little.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LBACK = Path(sys.executable).with_name("lback")
TARGET = 20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--commands", type=int, default=1000, help="lines of the script")
    parser.add_argument("--loop", type=int, default=25, help="commands of the loop")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        environment = os.environ | {
            "HOME": name,
            "XDG_DATA_HOME": name,
            "XDG_CONFIG_HOME": name,
            "PATH": f"{LBACK.parent}{os.pathsep}{os.environ['PATH']}",
        }
        _run("lback user register ann --email ann@example.org --invite", directory, environment)
        script = (f"user update ann --set display_name='Ann {n}' -q\n" for n in range(options.commands))
        (directory / "script").write_text("".join(script))
        loop = f'for n in $(seq {options.loop}); do lback user update ann --set display_name="Ann of $n" -q; done'
        alone, together = [], []
        for _ in range(options.runs):
            alone.append(_run(loop, directory, environment) / options.loop)
            together.append(_run("lback run script", directory, environment) / options.commands)
    ratio = statistics.median(alone) / statistics.median(together)
    print("| | ms a command | ratio |\n|---|--:|--:|")
    print(f"| a process for each, {options.loop} commands | {statistics.median(alone) * 1000:.1f} | |")
    print(f"| `lback run`, {options.commands} lines | {statistics.median(together) * 1000:.1f} | {ratio:.0f} |")
    print(f"at least {TARGET}: {'met' if ratio >= TARGET else 'missed'}")


def _run(command: str, directory: Path, environment: dict[str, str]) -> float:
    """Run *command* in a shell and return the seconds that it took."""
    begin = time.perf_counter()
    subprocess.run(
        ["bash", "-euc", command], cwd=directory, env=environment, stdout=subprocess.PIPE, check=True, text=True
    )
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
