"""Forged erasures, moved bytes and damaged data do not pass for an intact log."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from lback_cli.errors import BrokenEventLog, LbackError, ValidationError
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.hash_chain import HASHED, canonical, personal_digest, row_hash
from lback_cli.events.record import random_ids
from lback_cli.events.verifier import ErasureSummary

from .harness import PASSWORD, Installation


def execute(installation: Installation, statement: str, **values: Any) -> None:
    with installation.database.session() as session:
        session.execute(text(statement), values)


def forge_erasure(installation: Installation, data: dict[str, Any]) -> None:
    """Append a `user_erased` with *data* and a right hash, and update the head."""
    last = installation.rows()[-1]
    salt, personal = random_ids(1)[0], canonical(data)
    event = {
        **{name: last[name] for name in HASHED},
        "seq": last["seq"] + 1,
        "signal": "user_erased",
        "operation": "erase_user",
        "subject_id": data["user_id"],
        "previous_hash": last["hash"],
        "digest": personal_digest(salt, personal, None),
        "id": random_ids(1)[0],
    }
    stated = row_hash([event[name] for name in HASHED])
    columns = {**event, "data": personal, "subject": None, "salt": salt, "hash": stated}
    names = ", ".join(columns)
    execute(installation, f"INSERT INTO lback_events ({names}) VALUES (:{', :'.join(columns)})", **columns)
    execute(installation, "UPDATE lback_event_head SET seq = :seq, hash = :hash", seq=event["seq"], hash=stated)


def blank(installation: Installation, last: int) -> None:
    execute(installation, "UPDATE lback_events SET data = NULL, subject = NULL, salt = NULL WHERE seq <= :n", n=last)


def test_an_erasure_of_another_users_events_is_not_an_erasure(installation: Installation) -> None:
    installation.register("alice")
    installation.register("bob")
    blank(installation, 2)
    forge_erasure(installation, {"events": "1-2", "mentions": "", "user_id": 1})
    with pytest.raises(BrokenEventLog, match=r"event 3 erased it as an event of another user") as caught:
        installation.log.verify()
    assert caught.value.seq == 2


@pytest.mark.parametrize("mentions", [{"mentions": "1-2", "events": ""}, {"events": "1-2"}], ids=["now", "earlier"])
def test_erasures_since_the_checkpoint_are_listed(installation: Installation, mentions: dict[str, str]) -> None:
    """One that does not list mentions apart is marked, because its events of others cannot be checked."""
    installation.register("alice")
    installation.register("bob")
    checkpoint = installation.log.checkpoint()
    blank(installation, 2)
    forge_erasure(installation, {**mentions, "user_id": 99})
    verdict = installation.log.verify(checkpoint)
    actor = installation.rows()[-1]["actor"]
    assert verdict.erasures == [ErasureSummary(3, actor, 99, 0, 2, is_checked="mentions" in mentions)]
    assert installation.log.verify(installation.log.checkpoint()).erasures == []


def test_a_checkpoint_counts_the_erased_events(installation: Installation) -> None:
    installation.register("alice")
    before = installation.rows()[0]
    installation.log.erase_user("alice", installation.users)
    checkpoint = installation.log.checkpoint()
    assert Checkpoint.parse(str(checkpoint)).erased == 2
    assert installation.log.verify(checkpoint).erased == 2
    values = {name: before[name] for name in ("data", "subject", "salt")}
    statement = "UPDATE lback_events SET data = :data, subject = :subject, salt = :salt WHERE seq = 1"
    execute(installation, statement, **values)
    with pytest.raises(BrokenEventLog, match=r"counts 2 erased events up to it, but there are 1"):
        installation.log.verify(checkpoint)


def test_bytes_moved_from_the_data_into_the_salt_are_found(installation: Installation) -> None:
    installation.register("alice")
    with pytest.raises(ValidationError):
        installation.users.update_user(1, {"data": "x"})
    row = installation.rows()[-1]
    start, inner, rest = row["data"].partition('{"data":')
    salt = row["salt"] + '{"data":' + start
    assert inner
    assert personal_digest(salt, rest, row["subject"]) == row["digest"]
    execute(installation, "UPDATE lback_events SET salt = :salt, data = :data WHERE seq = 2", salt=salt, data=rest)
    with pytest.raises(BrokenEventLog, match=r"its data or subject was edited") as caught:
        installation.log.verify()
    assert caught.value.seq == row["seq"]


@pytest.mark.parametrize(("salt", "data"), [("A" * 32, "{}"), ("a" * 31, "{}"), ("a" * 32, "[1]"), ("a" * 32, "")])
def test_a_salt_or_data_of_another_form_is_refused_whatever_the_hashes(
    installation: Installation, salt: str, data: str
) -> None:
    installation.register("alice")
    row = installation.rows()[0]
    event = {**{name: row[name] for name in HASHED}, "digest": personal_digest(salt, data, row["subject"])}
    stated = row_hash([event[name] for name in HASHED])
    statement = "UPDATE lback_events SET salt = :salt, data = :data, digest = :digest, hash = :hash WHERE seq = 1"
    execute(installation, statement, salt=salt, data=data, digest=event["digest"], hash=stated)
    execute(installation, "UPDATE lback_event_head SET hash = :hash", hash=stated)
    with pytest.raises(BrokenEventLog, match=r"its data or subject was edited"):
        installation.log.verify()


@pytest.mark.parametrize("damaged", ["garbage", "[1]", '"text"', "", "[" * 10**5])
@pytest.mark.parametrize(
    "read",
    [lambda it: it.export(), lambda it: it.log.erase_user("id:1", it.users)],
    ids=["export", "erase"],
)
def test_damaged_data_is_named(
    installation: Installation, damaged: str, read: Callable[[Installation], object]
) -> None:
    installation.register("alice")
    execute(installation, "UPDATE lback_events SET data = :data WHERE seq = 1", data=damaged)
    with pytest.raises(BrokenEventLog, match=r"its data is damaged") as caught:
        read(installation)
    assert caught.value.seq == 1


def test_values_of_personal_attributes_are_erased_from_events_of_others(installation: Installation) -> None:
    users = installation.users
    users.register_user("alice", "alice@example.org", PASSWORD, attributes={"display_name": "Zanzibar Quetzal"})
    bob = installation.register("bob")
    users.update_user(1, {"display_name": "Mountebank"})
    users.update_user(bob.id, {"display_name": "Mountebank"})
    with pytest.raises(LbackError):
        users.update_user(bob.id, {"display_name": "Zanzibar Quetzal", "is_active": "no"})
    installation.log.erase_user("alice", users)
    rows = installation.rows()
    assert "zanzibar" not in json.dumps(rows).lower()
    # Bob's own name is not a mention of the other.
    kept = [json.loads(row["data"])["changes"]["display_name"] for row in rows if "Mountebank" in (row["data"] or "")]
    assert kept == [{"from": None, "to": "Mountebank"}]
    with installation.database.reading() as session:
        assert session.execute(text("SELECT user_id FROM lback_user_attributes")).all() == [(bob.id,)]
    installation.log.verify()
