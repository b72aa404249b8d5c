"""update_user: every outcome."""

from dataclasses import replace
from typing import Any

from .fixtures_data import ADA, BOB, CAROL, NEW_PASSWORD, PASSWORD, UNKNOWN_ID, WEAK_PASSWORD, Person
from .scenario import (
    BAD_CONFIGURATION,
    MAIL_DOWN,
    MAIL_MISCONFIGURED,
    NO_MEMORY,
    REFUSED_CONNECTION,
    SESSION,
    Call,
    Failing,
    Receiver,
    Scenario,
    Sent,
    gone,
    initiated,
    joined,
    new_token,
    vouched,
)

MASK = "********"


def update(user_id: int = BOB.id, **update_data: Any) -> Call:
    argv = ["update", f"id:{user_id}"]
    for name, value in update_data.items():
        match name, value:
            case "password", _:
                argv.append("--password-stdin")
            case (("username" | "email"), _):
                argv += [f"--{name}", str(value)]
            case "is_active", _:
                argv.append("--activate" if value else "--deactivate")
            case "is_email_verified", _:
                argv.append("--verified" if value else "--unverified")
            case (("add_groups" | "remove_groups"), list()):
                argv += [word for group in value for word in (f"--{name[:-1].replace('_', '-')}", group)]
    arguments = {"user_id": user_id, "update_data": update_data}
    return Call("update_user", arguments, tuple(argv), stdin=str(update_data.get("password", "")))


def shown(update_data: dict[str, Any]) -> dict[str, Any]:
    known = ("username", "email", "is_active", "is_email_verified", "add_groups", "remove_groups")
    return {name: value if name in known else MASK for name, value in update_data.items()}


def begun(call: Call) -> Sent:
    user_id, update_data = call.arguments["user_id"], call.arguments["update_data"]
    return "user_update_started", {"user_id": user_id, "update_data": shown(update_data)}


def updated(person: Person) -> Sent:
    return "user_updated", {"user": person.shown, "session": SESSION}


class Update(Failing):
    """The failures of an update."""

    def __init__(self, call: Call) -> None:
        super().__init__("update", call, self.failed)

    def failed(self, error_type: str, *, found: Person | None = None, exception: Any = None) -> Sent:
        return (
            "user_update_failed",
            {
                **begun(self.call)[1],
                "error_type": error_type,
                "exception": exception,
                "user": found and found.shown,
            },
        )


def done(
    name: str, call: Call, person: Person, rows: dict[str, dict[str, Any]], *between: Sent, **more: Any
) -> Scenario:
    return Scenario(f"update: {name}", call, [begun(call), *between, updated(person)], rows=rows, **more)


def refused(
    name: str,
    call: Call,
    error_type: str = "validation_error",
    *,
    found: Person | None = BOB,
    code: str | None = None,
    exception: Any = None,
    **more: Any,
) -> Scenario:
    failure = Update(call).failed(error_type, found=found, exception=exception)
    return Scenario(f"update: {name}", call, [begun(call), failure], code=code or error_type, **more)


def changed(user_id: int = BOB.id, **columns: Any) -> dict[str, dict[str, Any]]:
    return {f"users {user_id}": {**columns, "updated_at": "now"}}


_NEW_ADDRESS = "bob@example.net"
ROBERT = replace(BOB, username="robert", address=BOB.email)
MOVED = replace(BOB, address=_NEW_ADDRESS)
ROBERT_MOVED = replace(ROBERT, address=_NEW_ADDRESS)
_UNUSED_DIE = gone("lback_tokens live-reset_password", "lback_tokens expired-reset_password")
_MOVED_ROWS = {
    **changed(email=_NEW_ADDRESS, is_email_verified=0),
    **_UNUSED_DIE,
    **new_token(MOVED, "verify_email", token_id=6),
}
_NOTICE = ("email_changed", BOB.email)
_MOVED_MAILS = [_NOTICE, ("verify_email", _NEW_ADDRESS)]
_COMMAND_HAS_NO_SUCH_OPTION = "the command line has no option for it"

_move = update(email=_NEW_ADDRESS)
_moving = Update(_move)
_rename = update(username="robert")
_renaming = Update(_rename)
_verify = update(CAROL.id, is_email_verified=True)

UPDATE = [
    done("name", _rename, ROBERT, changed(username="robert")),
    done("name becomes canonical", update(username="Robert"), ROBERT, changed(username="robert")),
    done("nothing new", update(username="BOB", email="BOB@example.org", is_active=True), BOB, {}),
    done("address", _move, MOVED, _MOVED_ROWS, initiated(MOVED.shown), mails=_MOVED_MAILS),
    done(
        "address, vouched for",
        update(email=_NEW_ADDRESS, is_email_verified=True),
        MOVED,
        {**changed(email=_NEW_ADDRESS), **_UNUSED_DIE},
        vouched(MOVED.shown),
        mails=[_NOTICE],
    ),
    done(
        "password",
        update(password=NEW_PASSWORD),
        BOB,
        {**changed(password="hash of NEW_PASSWORD"), **_UNUSED_DIE},
        mails=[("password_changed", BOB.email)],
    ),
    done(
        "password and address: both notices go to the old one",
        update(password=NEW_PASSWORD, email=_NEW_ADDRESS),
        MOVED,
        {**_MOVED_ROWS, **changed(email=_NEW_ADDRESS, is_email_verified=0, password="hash of NEW_PASSWORD")},
        initiated(MOVED.shown),
        mails=[("password_changed", BOB.email), *_MOVED_MAILS],
    ),
    done("deactivate", update(is_active=False), BOB, changed(is_active=0)),
    done("activate", update(4, is_active=True), Person(4, "dave"), changed(4, is_active=1)),
    done("set verified", _verify, CAROL, changed(CAROL.id, is_email_verified=1), vouched(CAROL.shown)),
    done("set verified who is", update(is_email_verified=True), BOB, {}),
    done("set unverified", update(is_email_verified=False), BOB, changed(is_email_verified=0)),
    done("join a group", update(add_groups=["admin"]), BOB, {**changed(), **joined(2, 1)}),
    done(
        "leave a group",
        update(remove_groups=["staff"]),
        BOB,
        {**changed(), **gone("user_groups_association 2 3")},
    ),
    done(
        "everything",
        update(
            username="robert",
            email="bob@example.net",
            password=NEW_PASSWORD,
            is_active=False,
            is_email_verified=True,
            add_groups=["admin"],
            remove_groups=["staff", "basic_user"],
        ),
        ROBERT_MOVED,
        {
            **changed(username="robert", email=_NEW_ADDRESS, password="hash of NEW_PASSWORD", is_active=0),
            **_UNUSED_DIE,
            **joined(2, 1),
            **gone("user_groups_association 2 2", "user_groups_association 2 3"),
        },
        vouched(ROBERT_MOVED.shown),
        mails=[("password_changed", BOB.email), _NOTICE],
    ),
    refused("unknown user", update(UNKNOWN_ID, is_active=False), "user_not_found", found=None),
    refused("an id beyond every database", update(2**63, is_active=False), "user_not_found", found=None),
    refused("bad name", update(username="bob the builder")),
    refused("bad address", update(email="bob at home")),
    refused("weak password", update(password=WEAK_PASSWORD)),
    refused("unknown change", update(shoe_size=44), code="validation_error", library_only=_COMMAND_HAS_NO_SUCH_OPTION),
    refused(
        "a password under another name is masked too",
        update(new_password=PASSWORD),
        library_only=_COMMAND_HAS_NO_SUCH_OPTION,
    ),
    refused("wrong type", update(is_active="no"), library_only="the command line passes no text for a flag"),
    refused("taken name", update(username="Carol"), code="user_exists"),
    refused("taken address", update(email="CAROL@example.org"), code="user_exists"),
    refused("missing group", update(add_groups=["sales"]), code="group_not_found"),
    refused("leaving a missing group", update(remove_groups=["sales"]), code="group_not_found"),
    refused("last administrator is deactivated", update(ADA.id, is_active=False), "last_administrator", found=ADA),
    refused("last administrator leaves", update(ADA.id, remove_groups=["admin"]), "last_administrator", found=ADA),
    refused(
        "no memory to hash with",
        update(password=NEW_PASSWORD),
        "password_hashing_error",
        exception=NO_MEMORY,
        starved=True,
    ),
    refused("mail down", _move, "email_send_failed", exception=REFUSED_CONNECTION, settings=MAIL_DOWN),
    refused(
        "mail misconfigured",
        _move,
        "unexpected_exception",
        code="configuration_error",
        exception=BAD_CONFIGURATION,
        settings=MAIL_MISCONFIGURED,
    ),
    _renaming.refused_by_database([begun(_rename)], "UPDATE ON users", BOB),
    _renaming.refused_at_commit([begun(_rename), updated(ROBERT)], "UPDATE ON users", BOB),
    _renaming.surprised([begun(_rename)], BOB),
    _renaming.vetoed([begun(_rename)]),
    _renaming.vetoed([begun(_rename), updated(ROBERT)], BOB),
    _moving.vetoed([begun(_move), initiated(MOVED.shown)], BOB, mails=_MOVED_MAILS),
    Update(_verify).vetoed([begun(_verify), vouched(CAROL.shown)], CAROL),
    _renaming.crashed([begun(_rename), updated(ROBERT)], BOB),
    done(
        "crash at user_update_started goes no further",
        _rename,
        ROBERT,
        changed(username="robert"),
        receivers=[Receiver("user_update_started", "crash")],
        logged=1,
    ),
    _renaming.interrupted([begun(_rename), updated(ROBERT)], BOB),
]
