"""Who holds a row, on the evidence of its two lease columns."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from lback_cli.lease import Lease, LeaseLostError, LeaseOwner, current_owner

NOW = datetime(2026, 3, 4, 15, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Row(NamedTuple):
    owner: str | None
    lease_until: datetime | None


def owner(kind: str) -> LeaseOwner:
    """The owner of a row: a process that is running, dead or on another host, or one whose id was reused."""
    this = LeaseOwner.this_process()
    match kind:
        case "dead":
            ended = subprocess.Popen([sys.executable, "-c", ""])
            ended.wait()
            return LeaseOwner(this.host, ended.pid, this.started, this.nonce)
        case "reused id":
            return LeaseOwner(this.host, this.pid, "1", this.nonce)
        case "another host":
            return LeaseOwner("elsewhere", this.pid, this.started, this.nonce)
        case _:
            return this


@pytest.mark.parametrize(
    ("kind", "left", "held", "held_if_it_never_expires_while_running"),
    [
        ("running", 30, True, True),
        ("running", -30, False, True),
        ("running", 86400, False, True),
        ("another host", 30, True, True),
        ("another host", -30, False, False),
        ("another host", 86400, False, False),
        ("dead", 30, False, False),
        ("reused id", 30, False, False),
    ],
)
def test_lease_is_held_until_it_expires_or_its_process_is_dead(
    kind: str, left: float, held: bool, held_if_it_never_expires_while_running: bool
) -> None:
    holder = owner(kind)
    row = Row(str(holder), NOW + timedelta(seconds=left))
    assert Lease(MINUTE, lambda: NOW).holder(row) == (holder if held else None)
    permanent = Lease(MINUTE, lambda: NOW, expires_while_running=False)
    assert permanent.holder(row) == (holder if held_if_it_never_expires_while_running else None)


def test_row_without_an_owner_is_free() -> None:
    assert Lease(MINUTE, lambda: NOW).holder(Row(None, None)) is None
    assert current_owner(Row(None, None), NOW) is None


def test_two_leases_of_one_process_have_different_owners() -> None:
    mine, other = Lease(MINUTE, lambda: NOW), Lease(MINUTE, lambda: NOW)
    row = Row(mine.owner, NOW + MINUTE)
    assert mine.columns == {"owner": mine.owner, "lease_until": NOW + MINUTE}
    assert mine.require_owned(row) is row
    for lost in (row, None):
        with pytest.raises(LeaseLostError):
            other.require_owned(lost)


def test_owner_is_read_as_it_was_written() -> None:
    this = LeaseOwner.this_process()
    assert LeaseOwner.parse(str(this)) == this
    assert this.name == f"process {os.getpid()} on {this.host}"
    with_colons = LeaseOwner("fe80::1", 7, "", "0" * 16)
    assert LeaseOwner.parse(str(with_colons)) == with_colons
