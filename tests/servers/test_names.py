"""Confusable names have the same outcomes on every database: 150 names, or 5,000 with THOROUGH set."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from lback_cli.errors import LbackError

from .conftest import SERVERS
from .confusable_names import corpus
from .database import PASSWORD, Installation

SIZE = 5000 if "THOROUGH" in os.environ else 150


def outcome_of(act: Callable[..., object], *arguments: str, **options: Any) -> str:
    try:
        act(*arguments, **options)
    except LbackError as error:
        return f"{error.code} {getattr(error, 'field', '')}".strip()
    return "done"


def outcomes_on(url: str, directory: Path) -> tuple[list[list[str]], str]:
    """Use each name as a user name, an address and a group; return the outcomes, and a digest of what was stored."""
    installation = Installation(url, directory).initialize()
    outcomes = []
    for number, name in enumerate(corpus(SIZE)):
        user, email = (
            (name, f"person{number}@example.org") if number % 3 else (f"person{number}", f"{name}@example.org")
        )
        outcomes.append(
            [
                outcome_of(installation.users.register_user, user, email, PASSWORD, verified=True),
                outcome_of(installation.users.authenticate_user, name, "a wrong password"),
                outcome_of(installation.groups.create_group, name) if number % 5 == 0 else "",
                outcome_of(installation.finder.find_group, name),
                outcome_of(installation.events.query, user=name) if number % 10 == 0 else "",
            ]
        )
    stored = installation.rows("SELECT username, email FROM users") + installation.rows("SELECT name, name FROM groups")
    events = installation.recorded()
    assert installation.events.verify().events == len(events)
    installation.close()
    digest = hashlib.sha256(json.dumps([outcomes, sorted(map(list, stored)), events]).encode()).hexdigest()
    return outcomes, digest


def test_names_have_the_same_outcomes_on_every_database(
    database_on: Callable[[str], AbstractContextManager[str]], tmp_path: Path
) -> None:
    outcomes, digest = outcomes_on(f"sqlite:///{tmp_path}/users.db", tmp_path)
    counts = Counter(outcome for outcome, *_ in outcomes)
    assert {"done", "user_exists username", "user_exists email", "validation_error username"} <= counts.keys()
    assert not {"database_error", "unexpected_exception"} & {outcome for row in outcomes for outcome in row}
    for server in SERVERS:
        with database_on(server) as url:
            found, other_digest = outcomes_on(url, tmp_path)
        assert [pair for pair in zip(corpus(SIZE), outcomes, found, strict=True) if pair[1] != pair[2]] == []
        assert other_digest == digest
