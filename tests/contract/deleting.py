"""delete_user: every outcome."""

from dataclasses import replace
from typing import Any

from .fixtures_data import ADA, BOB, UNKNOWN_ID, Person
from .scenario import SESSION, TYPED_BY_SHELL, Call, Failing, Receiver, Scenario, Sent, gone


def delete(user_id: int = BOB.id) -> Call:
    return Call("delete_user", {"user_id": user_id}, ("delete", f"id:{user_id}", "--yes"))


def begun(user_id: int = BOB.id) -> Sent:
    return "user_deletion_started", {"user_id": user_id}


def failed(error_type: str, *, user_id: Any = BOB.id, found: Person | None = None, exception: Any = None) -> Sent:
    return (
        "user_deletion_failed",
        {
            "user_id": user_id,
            "username": found and found.username,
            "error_type": error_type,
            "exception": exception,
        },
    )


_ok = [begun(), ("user_deleted", {"user_id": BOB.id, "username": BOB.username, "session": SESSION})]
_BOB_IS_GONE = gone(
    "users 2",
    "user_groups_association 2 2",
    "user_groups_association 2 3",
    *(f"lback_tokens {state}-reset_password" for state in ("live", "used", "expired")),
)
_shared = Failing("delete", delete(), failed)

DELETE = [
    Scenario("delete: ok", delete(), _ok, rows=_BOB_IS_GONE),
    Scenario(
        "delete: unknown user",
        delete(UNKNOWN_ID),
        [begun(UNKNOWN_ID), failed("user_not_found", user_id=UNKNOWN_ID)],
        code="user_not_found",
    ),
    Scenario(
        "delete: last administrator",
        delete(ADA.id),
        [begun(ADA.id), failed("last_administrator", user_id=ADA.id, found=ADA)],
        code="last_administrator",
    ),
    Scenario(
        "delete: wrong type",
        replace(delete(), arguments={"user_id": "2"}),
        [("user_deletion_started", {"user_id": "2"}), failed("validation_error", user_id="2")],
        code="validation_error",
        library_only=TYPED_BY_SHELL,
    ),
    _shared.refused_by_database([begun()], "DELETE ON users", BOB),
    _shared.refused_at_commit(_ok, "DELETE ON users", BOB),
    _shared.vetoed([begun()]),
    _shared.vetoed(_ok, BOB),
    _shared.crashed(_ok, BOB),
    Scenario(
        "delete: crash at user_deletion_started goes no further",
        delete(),
        _ok,
        rows=_BOB_IS_GONE,
        receivers=[Receiver("user_deletion_started", "crash")],
        logged=1,
    ),
    _shared.interrupted(_ok, BOB),
]
