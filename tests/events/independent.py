"""A verifier of exported logs, written from docs/event-log.md alone; it shares no code with lback.

As a program it reads a file from stdin, and with an argument compares a checkpoint line: exit 0 where the log is
intact, 1 where it is not.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from typing import Any

PERSONAL = ("subject", "data", "salt")
LASTING = (
    *("seq", "id", "time", "signal", "operation", "operation_id", "outcome", "actor", "host", "pid", "version"),
    *("invocation_id", "subject_id", "digest", "previous_hash"),
)


def jcs(value: Any) -> bytes:
    """RFC 8785 for what events hold; sorted by UTF-16 code units, as it demands."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return b"{" + b",".join(jcs(name) + b":" + jcs(entry) for name, entry in members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(jcs, value)) + b"]"
    if isinstance(value, float):
        raise ValueError("events hold no floats")  # noqa: TRY004
    return json.dumps(value, ensure_ascii=False).encode()


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a field twice")
    return dict(pairs)


def problem(lines: Iterable[str], checkpoint: str | None = None) -> str | None:
    """What is wrong with the log; None where nothing is."""
    previous, count, pinned = "0" * 64, 0, None
    erased: set[int] = set()
    if checkpoint is not None:
        words = dict(word.split("=", 1) for word in checkpoint.split()[1:])
        pinned = (int(words["seq"]), words["hash"])
    for count, line in enumerate(lines, 1):
        try:
            event = json.loads(line, object_pairs_hook=once)
            if set(event) != {*PERSONAL, *LASTING, "hash"}:
                return f"{count}: fields"
            digest = hashlib.sha256(str(event["salt"]).encode() + jcs({k: event[k] for k in ("data", "subject")}))
            whole = hashlib.sha256(jcs({name: event[name] for name in LASTING})).hexdigest()
        except (ValueError, TypeError, RecursionError) as error:
            return f"{count}: {error}"
        if type(event["seq"]) is not int or event["seq"] != count:
            return f"{count}: seq"
        if event["previous_hash"] != previous:
            return f"{count}: previous_hash"
        if event["hash"] != whole:
            return f"{count}: hash"
        if [event[name] for name in PERSONAL] == [None, None, None]:
            erased.add(count)
        elif event["digest"] != digest.hexdigest():
            return f"{count}: digest"
        if event["signal"] == "user_erased" and event["data"]:
            for part in filter(None, event["data"]["events"].split(",")):
                first, _, last = part.partition("-")
                erased -= set(range(int(first), int(last or first) + 1))
        previous = event["hash"]
        if pinned is not None and pinned[0] == count and pinned[1] != previous:
            return f"{count}: checkpoint"
    if pinned is not None and pinned[0] > count:
        return f"{count}: older than the checkpoint"
    return f"{min(erased)}: erased by nobody" if erased else None


if __name__ == "__main__":
    found = problem(sys.stdin, *sys.argv[1:2])
    sys.exit(found and 1)
