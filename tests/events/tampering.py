"""Ways to tamper with an exported log, or with the log in a database."""

import copy
import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lback_cli.events.hash_chain import HASHED, canonical, personal_digest, row_hash

Rows = list[dict[str, Any]]
FIELDS = (*HASHED, "hash")
OTHER_VALUES = (None, 0, 1, -1, 2**40, "", "x", "0" * 64, "f" * 32, "user_registered", "2026-01-01T00:00:00.000000Z")


class Tamperer:
    """Makes random changes that a verifier must detect."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def tamper(self, rows: Rows) -> tuple[str, Rows, bool]:
        """Return the name of the change, the changed rows, and whether only a checkpoint or the head reveals it."""
        while True:
            name = self.random.choice(sorted(TAMPERINGS))
            changed = copy.deepcopy(rows)
            if TAMPERINGS[name](self, changed) is False or changed == rows:
                continue
            return name, changed, name in NEEDS_A_CHECKPOINT

    def place(self, rows: Rows) -> int:
        return self.random.randrange(len(rows))

    def edit_field(self, rows: Rows) -> None:
        row = self.random.choice(rows)
        name = self.random.choice(FIELDS)
        old = row[name]
        if isinstance(old, str) and old and self.random.random() < 0.5:
            at = self.random.randrange(len(old))
            row[name] = old[:at] + self.random.choice("0123456789abcdefXYZ é\x00") + old[at + 1 :]
        else:
            row[name] = self.random.choice(OTHER_VALUES)

    def edit_and_rehash(self, rows: Rows) -> None:
        """Edit an event and compute its hash, but leave the rest of the chain."""
        row = rows[self.random.randrange(len(rows) - 1)]
        row[self.random.choice(["actor", "signal", "outcome", "time", "host"])] = "changed"
        rehash(row)

    def edit_data(self, rows: Rows) -> bool | None:
        row = self.random.choice(rows)
        if row["data"] is None:
            return False
        row["data"][self.random.choice([*row["data"], "extra"])] = self.random.choice(["x", 1, None, [], {"a": 1}])
        return None

    def edit_subject(self, rows: Rows) -> None:
        self.random.choice(rows)["subject"] = self.random.choice(["mallory", None, ""])

    def edit_salt(self, rows: Rows) -> None:
        self.random.choice(rows)["salt"] = self.random.choice(["0" * 32, None, ""])

    def erase_half(self, rows: Rows) -> None:
        row = self.random.choice(rows)
        for name in self.random.sample(["data", "subject", "salt"], self.random.choice([1, 2])):
            row[name] = None
        if row["data"] is row["subject"] is row["salt"] is None:
            row["data"] = {}

    def blank(self, rows: Rows) -> bool | None:
        """Erase an event that no `user_erased` names."""
        row = self.random.choice([row for row in rows if row["signal"] != "user_erased"])
        if row["salt"] is None:
            return False
        row["data"] = row["subject"] = row["salt"] = None
        return None

    def blank_the_erasure(self, rows: Rows) -> bool | None:
        erasures = [row for row in rows if row["signal"] == "user_erased"]
        if not erasures:
            return False
        row = self.random.choice(erasures)
        row["data"] = row["subject"] = row["salt"] = None
        return None

    def delete(self, rows: Rows) -> None:
        del rows[self.random.randrange(len(rows) - 1)]

    def delete_the_first(self, rows: Rows) -> None:
        del rows[0]

    def insert(self, rows: Rows) -> None:
        at = self.place(rows)
        row = {**self.random.choice(rows), "seq": at + 1, "previous_hash": rows[at]["previous_hash"]}
        rehash(row)
        rows.insert(at, row)
        if self.random.random() < 0.5:
            for number, moved in enumerate(rows, 1):
                moved["seq"] = number

    def duplicate(self, rows: Rows) -> None:
        at = self.place(rows)
        rows.insert(at, dict(rows[at]))

    def swap(self, rows: Rows) -> None:
        one, other = self.random.sample(range(len(rows)), 2)
        rows[one], rows[other] = rows[other], rows[one]
        if self.random.random() < 0.5:
            rows[one]["seq"], rows[other]["seq"] = rows[other]["seq"], rows[one]["seq"]

    def truncate(self, rows: Rows) -> None:
        del rows[self.place(rows) :]

    def rewrite(self, rows: Rows) -> None:
        """Edit an event and compute all later hashes."""
        at = self.place(rows)
        row = rows[at]
        row["actor"] = "another person"
        if row["data"] is not None and self.random.random() < 0.5:
            row["subject"] = "another person"
            row["digest"] = personal_digest(row["salt"], canonical(row["data"]), row["subject"])
        rechain(rows, at)

    def rewrite_without(self, rows: Rows) -> None:
        """Remove an event and compute all later numbers and hashes."""
        at = self.place(rows)
        del rows[at]
        for number, row in enumerate(rows, 1):
            row["seq"] = number
        rechain(rows, at)


def rehash(row: dict[str, Any]) -> None:
    row["hash"] = row_hash(row[name] for name in HASHED)


def rechain(rows: Rows, start: int) -> None:
    for at in range(start, len(rows)):
        rows[at]["previous_hash"] = rows[at - 1]["hash"] if at else "0" * 64
        rehash(rows[at])


TAMPERINGS: dict[str, Callable[[Tamperer, Rows], bool | None]] = {
    name: method for name, method in vars(Tamperer).items() if callable(method) and name not in dir(random)
}
for _no_tampering in ("__init__", "tamper", "place"):
    TAMPERINGS.pop(_no_tampering, None)

NEEDS_A_CHECKPOINT = {"truncate", "rewrite", "rewrite_without"}
UNSEEN_BY_THE_EXAMPLE = {"blank", "blank_the_erasure"}
"""Changes that the verifier of twenty lines does not detect, as docs/event-log.md says."""


def lines_of(rows: Rows) -> list[str]:
    """Return the lines of an export of *rows*."""
    return [json.dumps(row) + "\n" for row in rows]


def store(path: Path, rows: Rows, head: tuple[int, str] | None) -> None:
    """Replace the log in a SQLite file by *rows*."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE lback_events")
        columns = [*FIELDS, "data", "subject", "salt"]
        connection.execute(f"CREATE TABLE lback_events ({', '.join(columns)})")
        connection.executemany(
            f"INSERT INTO lback_events VALUES ({', '.join('?' * len(columns))})",
            [
                [
                    None if row[name] is None else canonical(row[name]) if name == "data" else row[name]
                    for name in columns
                ]
                for row in rows
            ],
        )
        if head is not None:
            connection.execute("UPDATE lback_event_head SET seq = ?, hash = ?", head)
    connection.close()
