"""A relay that is killed and started again: `python killing.py URL SINKS KILLS LONGEST SEED`.

SINKS is a JSON object: the keys of each sink by its name. It forks a process for each attempt, as loading Python takes
longer than most attempts live, kills it at a random moment of the first LONGEST milliseconds, KILLS times, lets the
last attempt come through, and prints how many were killed while at work.
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

from lback_cli.relay.sinks import build_sink
from lback_cli.settings import SinkSettings
from tests.relay.harness import World


def main(url: str, sinks: dict[str, SinkSettings], *, kills: int, longest: int, seed: int) -> None:
    """Kill and start again."""
    for name, sink in sinks.items():
        build_sink(name, sink)  # loads the client libraries once, for all children
    chance = random.Random(seed)
    killed = 0
    for attempt in range(20 * kills + 1):
        child = os.fork()
        if not child:
            status = 1
            with contextlib.suppress(BaseException):
                reports = World(url).relay(sinks).run(once=True)
                status = 2 * any(report.error for report in reports)
            os._exit(status)
        if killed < kills:
            time.sleep(chance.uniform(0.01, longest / 1000))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
        elif status:
            sys.exit(f"attempt {attempt} failed with {status}")
        else:
            break
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    configured = {}
    for name, keys in json.loads(sys.argv[2]).items():
        path = keys.pop("ca_file", None)
        configured[name] = SinkSettings(**keys, ca_file=None if path is None else Path(path))
    numbers = dict(zip(("kills", "longest", "seed"), map(int, sys.argv[3:]), strict=True))
    main(sys.argv[1], configured, **numbers)
