"""Verify an exported event log, written from docs/event-log.md alone: python verify_events.py events.jsonl"""

import hashlib
import json
import sys
from pathlib import Path


def sha256(value, salt=""):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((salt + text).encode()).hexdigest()


previous, number = "0" * 64, 0
with Path(sys.argv[1]).open(encoding="utf-8") as lines:
    for number, line in enumerate(lines, start=1):
        event = json.loads(line)
        personal = {name: event.pop(name) for name in ("data", "subject")}
        salt, stated = event.pop("salt"), event.pop("hash")
        erased = salt is None and list(personal.values()) == [None, None]
        good = event["seq"] == number and event["previous_hash"] == previous and sha256(event) == stated
        if not good or not (erased or sha256(personal, salt) == event["digest"]):
            sys.exit(f"event {number} is not as it was written")
        previous = stated
if not number:
    sys.exit("the file has no events, so it proves nothing")
print(f"{number} events, intact, the last with hash {previous}")
