"""register_user: every outcome."""

from dataclasses import replace
from typing import Any

from .fixtures_data import FRANK, PASSWORD, WEAK_PASSWORD
from .scenario import (
    BAD_CONFIGURATION,
    MAIL_DOWN,
    MAIL_MISCONFIGURED,
    MESSAGE,
    NO_MEMORY,
    REFUSED_CONNECTION,
    SESSION,
    Call,
    Failing,
    Receiver,
    Scenario,
    Sent,
    initiated,
    joined,
    new_token,
    started,
    user_row,
    vouched,
)

FRANK_MAILED = [("verify_email", FRANK.email)]
PRE_REGISTER: Sent = ("user_pre_register", {"username": FRANK.username, "email": FRANK.email})
REGISTERED: Sent = ("user_registered", {"user": FRANK.shown, "session": SESSION})
FRANK_IS_IN = {
    "+users 6": user_row(FRANK),
    **joined(6, 2),
    **new_token(FRANK, "verify_email"),
}


def register(
    username: str = FRANK.username,
    email: str = FRANK.email,
    password: str = PASSWORD,
    *,
    groups: tuple[str, ...] = (),
    verified: bool = False,
    active: bool = True,
) -> Call:
    arguments = {"username": username, "email": email, "password": password}
    options: dict[str, Any] = {"groups": groups, "verified": verified, "active": active}
    argv = ["register", username, "--email", email, "--password-stdin"]
    argv += [word for group in groups for word in ("--group", group)]
    argv += ["--verified"] * verified + ["--inactive"] * (not active)
    return Call("register_user", arguments | options, tuple(argv), stdin=password)


def failed(
    error_type: str,
    *,
    username: str = FRANK.username,
    email: str = FRANK.email,
    exception: Any = None,
    found: Any = None,
) -> Sent:
    assert found is None
    return (
        "user_registration_failed",
        {
            "username": username,
            "email": email,
            "error_type": error_type,
            "error_message": None if error_type == "unexpected_exception" else MESSAGE,
            "exception": exception,
        },
    )


def invalid(
    name: str, call: Call, *, before: tuple[Sent, ...] = (), code: str = "validation_error", **more: Any
) -> Scenario:
    given = {"username": call.arguments["username"], "email": call.arguments["email"]}
    return Scenario(
        f"register: {name}",
        call,
        [("user_registration_started", given), *before, failed("validation_error", **given)],
        code=code,
        **more,
    )


_shared = Failing("register", register(), failed)
_until_initiated = [started(), PRE_REGISTER, initiated(FRANK.shown)]
_vouched_frank = replace(FRANK, verified=True)

REGISTER = [
    Scenario("register: ok", register(), [*_until_initiated, REGISTERED], rows=FRANK_IS_IN, mails=FRANK_MAILED),
    Scenario(
        "register: into groups, deactivated",
        register(groups=("staff", "admin"), active=False),
        [*_until_initiated, REGISTERED],
        rows={**FRANK_IS_IN, "+users 6": user_row(replace(FRANK, active=False)), **joined(6, 3), **joined(6, 1)},
        mails=FRANK_MAILED,
    ),
    Scenario(
        "register: name and address become canonical",
        register("Frank", "FRANK@Example.ORG"),
        [
            ("user_registration_started", {"username": "Frank", "email": "FRANK@Example.ORG"}),
            *_until_initiated[1:],
            REGISTERED,
        ],
        rows=FRANK_IS_IN,
        mails=FRANK_MAILED,
    ),
    Scenario(
        "register: verified",
        register(verified=True),
        [started(), PRE_REGISTER, vouched(FRANK.shown), REGISTERED],
        rows={"+users 6": user_row(_vouched_frank), **joined(6, 2)},
    ),
    Scenario(
        "register: the default group is made",
        register(),
        [*_until_initiated, REGISTERED],
        rows={
            "+users 6": user_row(FRANK),
            "+groups newcomers": {
                "id": 4,
                "name": "newcomers",
                "description": None,
                "created_at": "now",
                "updated_at": "now",
            },
            **joined(6, 4),
            **new_token(FRANK, "verify_email"),
        },
        mails=FRANK_MAILED,
        settings={"users.default_group": "newcomers"},
    ),
    invalid("weak password", register(password=WEAK_PASSWORD)),
    invalid("bad name", register(username="frank the tank")),
    invalid("bad address", register(email="frank at home")),
    invalid("taken name", register(username="BOB"), code="user_exists"),
    invalid("taken address in another case", register(email="Bob@Example.org"), code="user_exists"),
    invalid("missing group", register(groups=("sales",)), before=(PRE_REGISTER,), code="group_not_found"),
    invalid(
        "another process takes the name meanwhile",
        register(),
        before=(PRE_REGISTER,),
        code="user_exists",
        receivers=[Receiver("user_pre_register", "take the name")],
        rows={"+users 6": user_row(replace(FRANK, verified=True), password="taken")},
        own_only="no other connection can write during a joined transaction",
    ),
    Scenario(
        "register: mail down",
        register(),
        [started(), PRE_REGISTER, failed("email_send_failed", exception=REFUSED_CONNECTION)],
        code="email_send_failed",
        settings=MAIL_DOWN,
    ),
    Scenario(
        "register: mail misconfigured",
        register(),
        [
            started(),
            PRE_REGISTER,
            (
                "user_registration_failed",
                {
                    "username": FRANK.username,
                    "email": FRANK.email,
                    "error_type": "unexpected_exception",
                    "error_message": MESSAGE,
                    "exception": BAD_CONFIGURATION,
                },
            ),
        ],
        code="configuration_error",
        settings=MAIL_MISCONFIGURED,
    ),
    Scenario(
        "register: no memory to hash with",
        register(),
        [started(), failed("password_hashing_error", exception=NO_MEMORY)],
        code="password_hashing_error",
        starved=True,
    ),
    _shared.refused_by_database([started(), PRE_REGISTER], "INSERT ON users"),
    _shared.refused_by_database([started(), PRE_REGISTER], "INSERT ON lback_tokens"),
    _shared.refused_at_commit([*_until_initiated, REGISTERED], "INSERT ON users", mails=FRANK_MAILED),
    _shared.vetoed([started()]),
    _shared.vetoed([started(), PRE_REGISTER]),
    _shared.vetoed(_until_initiated, mails=FRANK_MAILED),
    _shared.vetoed([*_until_initiated, REGISTERED], mails=FRANK_MAILED),
    replace(_shared.vetoed([started(), PRE_REGISTER, vouched(FRANK.shown)]), call=register(verified=True)),
    _shared.crashed([*_until_initiated, REGISTERED], mails=FRANK_MAILED),
    *(
        Scenario(
            f"register: crash at {signal} goes no further",
            register(),
            [*_until_initiated, REGISTERED],
            rows=FRANK_IS_IN,
            mails=FRANK_MAILED,
            receivers=[Receiver(signal, "crash")],
            logged=1,
        )
        for signal, _ in _until_initiated
    ),
    replace(
        invalid("crash and veto after the failure go no further", register(username="bob"), code="user_exists"),
        receivers=[Receiver("user_registration_failed", "crash"), Receiver("user_registration_failed", "veto")],
        logged=2,
    ),
    Scenario(
        "register: what a receiver writes is committed with it",
        register(),
        [*_until_initiated, REGISTERED],
        rows={
            **FRANK_IS_IN,
            "+groups written by a receiver": {
                "id": 4,
                "name": "written by a receiver",
                "description": None,
                "created_at": "now",
                "updated_at": "now",
            },
        },
        mails=FRANK_MAILED,
        receivers=[Receiver("user_registered", "write")],
    ),
    _shared.surprised([started(), PRE_REGISTER]),
    _shared.interrupted([started()]),
    _shared.interrupted([*_until_initiated, REGISTERED], mails=FRANK_MAILED),
]
