"""Import while being killed: `python kill_import.py URL DIRECTORY FILE KILLS LONGEST SEED CHUNK`.

Each attempt is a fork, as a new interpreter takes longer to start than most attempts last. It is killed at a random
moment of its first LONGEST milliseconds, at most KILLS times. The program prints how many attempts were killed.
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
    """Options that use every feature of an import."""
    return ImportOptions(
        if_exists="update", mail="none", report=directory / "report.jsonl", rejects=directory / "rejects.csv"
    )


def main(url: str, directory: Path, path: Path, *, kills: int, longest: int, seed: int, chunk: int) -> None:
    """Kill and resume the import until an attempt finishes."""
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
