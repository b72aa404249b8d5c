"""A small round of competing commands on each database. tests/slow/test_contests.py has many large rounds."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from passlib.hash import argon2

from tests.managers.concurrency import spelling
from tests.user_results import UNSET

from .concurrent_commands import Arena, End, arena_on

DATABASES = ("sqlite", "postgresql", "mariadb")
PASSWORD = "quiet-harbor-lantern-47"
NAME = "zoé.müller"

TokenIn = Callable[[Any], str]


def refusal(status: int, code: str, message: str, hint: str | None = None) -> End:
    """Return the end of a refused command."""
    return status, "", json.dumps({"error": {"code": code, "message": message, "hint": hint}}) + "\n"


def the_one(ends: Sequence[End], others: End) -> tuple[int, Any, str]:
    """Return number, result and stderr of the one that succeeded. All others ended as *others*."""
    unlike = [(number, *end) for number, end in enumerate(ends) if end != others]
    assert [end[1] for end in unlike] == [0], unlike
    number, _, out, err = unlike[0]
    return number, json.loads(out), err


def same_name(arena: Arena, crowd: Iterable[int]) -> None:
    """Run one round: all register the same name, in different spellings and with different addresses."""
    arena.clear()
    people = [spelling(number) for number in crowd]
    assert len(dict(people)) == len(people)
    ends = arena.compete(
        [(("user", "register", name, "--email", address, "--password-stdin"), PASSWORD) for name, address in people],
        meetings=1,
    )
    taken = f"The user name {NAME!r} is taken."
    holder = f"'lback user show {NAME}' shows the user who has it"
    hint = f"Choose another name. {holder}, and 'lback user update {NAME}' changes that user."
    number, user, err = the_one(ends, refusal(6, "user_exists", taken, hint))
    assert user.pop("outcome") == "created"
    _, address = people.pop(number)
    assert err.startswith(f"Registered {NAME}; wrote a verification link to ")
    mine = {"username": NAME, "email": address}
    times = {key: user[key] for key in ("created_at", "updated_at")}
    state = {"is_active": True, "is_email_verified": False, "groups": ["basic_user"]}
    unset: dict[str, Any] = {
        **UNSET,
        **dict.fromkeys(("last_login", "locked_until")),
        "attributes": {},
    }
    assert user == {"id": user["id"], **mine, **state, **times, **unset, "password": "set"}

    assert arena.run("user", "list") == [user]
    assert arena.rows("SELECT id, username, email FROM users") == [(user["id"], NAME, address)]
    assert arena.rows("SELECT name FROM groups") == [("basic_user",)]
    membership = "SELECT user_id, name FROM user_groups_association JOIN groups ON groups.id = group_id"
    assert arena.rows(membership) == [(user["id"], "basic_user")]
    assert arena.rows("SELECT count(*) FROM user_groups_association") == [(1,)]
    token = "SELECT user_id, purpose, email, used_at FROM lback_tokens"
    assert arena.rows(token) == [(user["id"], "verify_email", address, None)]
    assert arena.mails() == [(address, "Confirm your e-mail address for lback")]

    (group, *_, group_data), success, *failures = arena.events()
    assert (group, group_data["group"]["name"]) == ("group_created", "basic_user")
    values: dict[str, Any] = {"username": NAME, "email": address, **UNSET}
    created_at = success[-1]["changes"]["created_at"]["to"]
    assert created_at.startswith(user["created_at"].removesuffix("Z"))
    values |= {"is_active": True, "is_email_verified": False, "created_at": created_at}
    changes: dict[str, Any] = {name: {"to": value} for name, value in values.items()}
    changes |= {"groups": {"added": ["basic_user"], "removed": []}, "password": "set"}
    shown = {"changes": changes, "user": {"id": user["id"], **mine}}
    assert success == ("user_registered", None, NAME, shown)
    why = {"error_type": "validation_error", "error_message": taken, "exception": None}
    assert sorted(failures, key=lambda event: str(event[2])) == [
        ("user_registration_failed", "validation_error", name, {"username": name, "email": address, **why})
        for name, address in sorted(people)
    ]


def one_token(arena: Arena, token_in: TokenIn, crowd: int) -> None:
    """Run one round: each of *crowd* commands sets another password with the same token."""
    arena.clear()
    ann = ("user", "register", "ann", "--email", "ann@example.org", "--verified", "--password-stdin")
    user = arena.run(*ann, input=PASSWORD)
    assert user.pop("outcome") == "created"
    arena.run("user", "request-password-reset", "ann@example.org")
    token = token_in(arena.newest_mail())
    passwords = [f"{PASSWORD}-{number}" for number in range(crowd)]
    files = [arena.secret(f"password-{number}", password) for number, password in enumerate(passwords)]
    ends = arena.compete(
        [(("user", "reset-password", "--token", "-", "--password-file", file), token) for file in files], meetings=2
    )
    used = "This reset token is used or expired."
    hint = "Request a new one; only the newest link works."
    number, changed, err = the_one(ends, refusal(7, "invalid_token", used, hint))
    assert err.startswith("ann has a new password; wrote a notice to ")
    assert changed.pop("outcome") == "updated"
    assert changed == {**user, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] >= user["updated_at"]

    ((stored,),) = arena.rows("SELECT password FROM users")
    assert [word for word in (PASSWORD, *passwords) if argon2.verify(word, stored)] == [passwords[number]]
    spent = "SELECT user_id, purpose FROM lback_tokens WHERE used_at IS NOT NULL"
    assert arena.rows(spent) == [(user["id"], "reset_password")]
    assert arena.rows("SELECT count(*) FROM lback_tokens") == [(1,)]
    subjects = ("Choose a new password for lback", "Your password at lback was changed")
    assert arena.mails() == [("ann@example.org", subject) for subject in subjects]

    shown = {"user": {key: user[key] for key in ("id", "username", "email")}}
    group, registered, requested, success, *failures = arena.events()
    assert [event[0] for event in (group, registered, requested)] == [
        "group_created",
        "user_registered",
        "password_reset_request_processed",
    ]
    changes = {"password": "changed"}
    assert success == ("password_reset_successful", None, "ann", {"changes": changes, **shown})
    why = {"error_type": "invalid_token", "token_prefix": token[:10], "exception": None}
    assert failures == [("password_reset_failed", "invalid_token", "ann", {**shown, **why})] * (crowd - 1)

    authenticated = arena.run("user", "authenticate", "ann", "--password-stdin", input=passwords[number])
    assert authenticated["last_login"] >= changed["updated_at"]
    assert authenticated == {**changed, "last_login": authenticated["last_login"]}


@pytest.fixture(params=DATABASES)
def arena(
    request: pytest.FixtureRequest, lback: Any, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Arena]:
    with arena_on(request.param, lback, database_on) as made:
        yield made


def test_one_of_many_registrations_of_a_name_succeeds(arena: Arena) -> None:
    same_name(arena, range(1, 16, 2))  # two of each form of Unicode


def test_one_of_many_uses_of_a_token_succeeds(arena: Arena, token_in: TokenIn) -> None:
    one_token(arena, token_in, 6)
