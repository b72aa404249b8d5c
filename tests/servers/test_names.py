"""Hostile names are accepted, refused and found alike on every database: some by default, 5,000 with THOROUGH set."""

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
from .database import PASSWORD, Place

SIZE = 5000 if "THOROUGH" in os.environ else 150


def word_of(act: Callable[..., object], *arguments: str, **options: Any) -> str:
    try:
        act(*arguments, **options)
    except LbackError as error:
        return f"{error.code} {getattr(error, 'field', '')}".strip()
    return "done"


def census(url: str, directory: Path) -> tuple[list[list[str]], str]:
    """What became of each name as a user's, an address's and a group's, and what is stored in the end."""
    place = Place(url, directory).initialize()
    words = []
    for number, name in enumerate(corpus(SIZE)):
        user, email = (
            (name, f"person{number}@example.org") if number % 3 else (f"person{number}", f"{name}@example.org")
        )
        words.append(
            [
                word_of(place.users.register_user, user, email, PASSWORD, verified=True),
                word_of(place.users.authenticate_user, name, "not the password of anybody"),
                word_of(place.groups.create_group, name) if number % 5 == 0 else "",
                word_of(place.groups.find_group, name),
                word_of(place.events.query, user=name) if number % 10 == 0 else "",
            ]
        )
    stored = place.rows("SELECT username, email FROM users") + place.rows("SELECT name, name FROM groups")
    events = place.recorded()
    assert place.events.verify().events == len(events)
    place.close()
    digest = hashlib.sha256(json.dumps([words, sorted(map(list, stored)), events]).encode()).hexdigest()
    return words, digest


def test_hostile_names_are_accepted_refused_and_found_alike(
    database_on: Callable[[str], AbstractContextManager[str]], tmp_path: Path
) -> None:
    words, digest = census(f"sqlite:///{tmp_path}/users.db", tmp_path)
    outcomes = Counter(word for word, *_ in words)
    assert {"done", "user_exists username", "user_exists email", "validation_error username"} <= outcomes.keys()
    assert not {"database_error", "unexpected_exception"} & {word for row in words for word in row}
    for server in SERVERS:
        with database_on(server) as url:
            found, other = census(url, tmp_path)
        assert [pair for pair in zip(corpus(SIZE), words, found, strict=True) if pair[1] != pair[2]] == []
        assert other == digest
