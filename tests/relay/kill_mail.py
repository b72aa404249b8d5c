"""A post that is killed and started again: `python mail_killing.py DIRECTORY EMAIL KILLS LONGEST SEED`.

EMAIL is a JSON object, the keys of [email]. Otherwise it works like `killing.py`.
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.relay.mail_harness import PostOffice


def main(directory: Path, email: dict[str, object], *, kills: int, longest: int, seed: int) -> None:
    """Kill and start again."""
    chance = random.Random(seed)
    killed = 0
    while True:
        child = os.fork()
        if not child:
            status = 1
            with contextlib.suppress(BaseException):
                status = 2 * (PostOffice(directory, email).once().error is not None)
            os._exit(status)
        if killed < kills:
            time.sleep(chance.uniform(0.01, longest / 1000))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    if status:
        sys.exit(f"an attempt failed with {status}")
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    options = json.loads(sys.argv[2])
    numbers = dict(zip(("kills", "longest", "seed"), map(int, sys.argv[3:]), strict=True))
    main(Path(sys.argv[1]), options | {"ca_file": Path(options["ca_file"])}, **numbers)
