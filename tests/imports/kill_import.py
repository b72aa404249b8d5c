"""An import that is killed and resumed: `python killing.py URL DIRECTORY FILE KILLS LONGEST SEED CHUNK`.

It forks a process for each attempt, as loading Python takes longer than most attempts live, kills it at a random moment
of the first LONGEST milliseconds, at most KILLS times, and prints how often it did before an attempt came through.
"""

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from lback_cli.imports.options import ImportOptions
from tests.imports.harness import World


def options(directory: Path) -> ImportOptions:
    """An import that does everything that a file can ask for."""
    return ImportOptions(
        if_exists="update", mail="none", report=directory / "report.jsonl", rejects=directory / "rejects.csv"
    )


def main(url: str, directory: Path, path: Path, *, kills: int, longest: int, seed: int, chunk: int) -> None:
    """Kill and resume until an attempt comes through."""
    chance = random.Random(seed)
    killed = 0
    while True:
        child = os.fork()
        if not child:
            status = 1
            with contextlib.suppress(BaseException):
                World(directory, url).run(path, options(directory), resume=True, chunk=chunk)
                status = 0
            os._exit(status)
        if killed < kills:
            time.sleep(chance.uniform(0, longest / 1000))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
        elif status:
            sys.exit("an attempt failed")
        else:
            sys.stdout.write(f"{killed}\n")
            return


if __name__ == "__main__":
    numbers = dict(zip(("kills", "longest", "seed", "chunk"), map(int, sys.argv[4:]), strict=True))
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), **numbers)
