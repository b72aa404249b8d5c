"""Relay while being killed: `python kill_relay.py URL SINKS KILLS LONGEST SEED`.

SINKS is a JSON object with the keys of each sink by its name. Each run is a fork, as a new interpreter takes longer to
start than most runs last. It is killed at a random moment of its first LONGEST milliseconds. After KILLS kills, one run
is left to finish. The program prints how many runs were killed.
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
from lback_cli.settings.sinks import settings_class
from tests.relay.harness import World


def main(url: str, sinks: dict[str, SinkSettings], *, kills: int, longest: int, seed: int) -> None:
    """Fork relays, and kill them, until all events are delivered."""
    for name, sink in sinks.items():
        build_sink(name, sink)  # imports the client libraries once for all forks
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
        declared = settings_class(keys["url"])
        assert declared is not None
        if "ca_file" in keys:
            keys["ca_file"] = Path(keys["ca_file"])
        configured[name] = declared(**keys | {"signals": tuple(keys["signals"])})
    numbers = dict(zip(("kills", "longest", "seed"), map(int, sys.argv[3:]), strict=True))
    main(sys.argv[1], configured, **numbers)
