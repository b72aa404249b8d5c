"""Deliver mail while being killed: `python kill_mail.py DIRECTORY EMAIL KILLS LONGEST SEED`.

EMAIL is a JSON object with the keys of [email]. Otherwise it works like `kill_relay.py`.
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

from tests.relay.mail_harness import MailHarness


def main(directory: Path, email: dict[str, object], *, kills: int, longest: int, seed: int) -> None:
    """Fork deliveries, and kill them, until the queue is empty."""
    chance = random.Random(seed)
    killed = 0
    while True:
        child = os.fork()
        if not child:
            status = 1
            with contextlib.suppress(BaseException):
                status = 2 * (MailHarness(directory, email).once().error is not None)
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
