"""A verifier of exported logs, written from docs/event-log.md without any code of lback.

As a program it reads a file from standard input, and compares it with a checkpoint line if that is its argument. Exit
code 0: the log is intact; 1: it is not.
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
    """Return *value* in the form of RFC 8785, which sorts keys by UTF-16 code units."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return b"{" + b",".join(jcs(name) + b":" + jcs(entry) for name, entry in members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(jcs, value)) + b"]"
    if isinstance(value, float):
        raise ValueError("events hold no floats")  # noqa: TRY004
    return json.dumps(value, ensure_ascii=False).encode()


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a field twice")
    return dict(pairs)


def problem(lines: Iterable[str], checkpoint: str | None = None) -> str | None:
    """Return what is wrong with the log, or None."""
    previous, count = "0" * 64, 0
    hashes = {0: previous}
    erased: set[int] = set()
    for count, line in enumerate(lines, 1):
        try:
            event = json.loads(line, object_pairs_hook=unique)
            check(event, count, previous)
            if [event[name] for name in PERSONAL] == [None, None, None]:
                erased.add(count)
            if event["signal"] == "user_erased":
                erased -= explained(event["data"]["events"]) | explained(event["data"].get("mentions", ""))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            return f"{count}: {error}"
        previous = hashes[count] = event["hash"]
    if checkpoint is not None:
        words = dict(word.split("=", 1) for word in checkpoint.split()[1:])
        if hashes.get(int(words["seq"])) != words["hash"]:
            return f"{count}: not what the checkpoint has seen"
    return f"{min(erased)}: erased by nobody" if erased else None


def check(event: dict[str, Any], count: int, previous: str) -> None:
    """Raise ValueError unless the event is intact and follows the one with the hash *previous*."""
    if set(event) != {*PERSONAL, *LASTING, "hash"}:
        raise ValueError("other fields")
    if type(event["seq"]) is not int or event["seq"] != count:
        raise ValueError("not the next number")
    if event["previous_hash"] != previous:
        raise ValueError("another event came before it")
    if event["hash"] != hashlib.sha256(jcs({name: event[name] for name in LASTING})).hexdigest():
        raise ValueError("hash")
    if [event[name] for name in PERSONAL] != [None, None, None]:
        personal = jcs({"data": event["data"], "subject": event["subject"]})
        if event["digest"] != hashlib.sha256(str(event["salt"]).encode() + personal).hexdigest():
            raise ValueError("digest")


def explained(ranges: str) -> set[int]:
    """Return the numbers in ranges such as 3-5,9."""
    numbers: set[int] = set()
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


if __name__ == "__main__":
    found = problem(sys.stdin, *sys.argv[1:2])
    sys.exit(found and 1)
