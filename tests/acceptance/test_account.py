"""The life of an account, with the installed command and a real mail server."""

from collections.abc import Callable
from typing import Any

FIRST, SECOND = "purple giraffes yodel at dusk", "nine lazy walruses hum softly"


def test_an_account_from_registration_to_deletion(
    lback: Any, smtp_server: Callable[..., Any], token_in: Callable[[Any], str]
) -> None:
    server = smtp_server("starttls", login=("lback", "relay-password"))
    lback.environment.update(server.environment)

    def outcome(*arguments: str, input: str = "") -> int:  # noqa: A002
        finished = lback(*arguments, "-o", "json", input=input)
        assert "Traceback" not in finished.err
        return int(finished.status)

    def opens(password: str) -> bool:
        status = outcome("user", "authenticate", "alice", "--password-stdin", input=password)
        assert status in (0, 4)
        return status == 0

    registered = lback(
        "user", "register", "Alice", "--email", "alice@example.org", "--password-stdin", "-o", "json", input=FIRST
    )
    assert (registered.status, registered.result["is_email_verified"]) == (0, False)
    assert not opens(FIRST), "the address is not verified yet"

    (verification,) = server.messages
    assert (verification.recipients, verification.encrypted, verification.login) == (
        ["alice@example.org"],
        True,
        "lback",
    )
    assert outcome("user", "verify-email", "-", input=token_in(verification.message)) == 0
    assert opens(FIRST)

    assert outcome("user", "request-password-reset", "ALICE@example.org") == 0
    token = token_in(server.messages[-1].message)
    assert opens(FIRST), "asking for a reset changes nothing yet"
    secret = lback.directory / "new"
    secret.write_text(SECOND)
    secret.chmod(0o600)
    reset = ("user", "reset-password", "--token", "-", "--password-file", str(secret))
    assert outcome(*reset, input=f"{token}\n") == 0
    assert outcome(*reset, input=f"{token}\n") == 7, "a link works once"
    assert (opens(FIRST), opens(SECOND)) == (False, True)

    assert outcome("user", "delete", "alice", "--yes") == 0
    assert not opens(SECOND)
    assert outcome("user", "exists", "alice") == 5
    assert [mail.recipients for mail in server.messages] == [["alice@example.org"]] * 3
    subjects = [str(mail.message["Subject"]) for mail in server.messages]
    assert len(set(subjects)) == 3, "verification, reset, and the notice that the password changed"
    assert all(mail.encrypted for mail in server.messages)


def test_while_the_mail_server_is_down_nobody_is_registered_and_afterwards_all_goes_well(
    lback: Any, smtp_server: Callable[..., Any]
) -> None:
    server = smtp_server("tls")
    register = ("user", "register", "alice", "--email", "alice@example.org", "--password-stdin", "-o", "json")
    trace = ("--trace-format", "json")

    down = lback(*register, *trace, input=FIRST, **server.environment | {"LBACK_EMAIL_PORT": "1"})
    assert (down.status, down.out) == (9, "")
    assert '"error_type":"email_send_failed"' in down.err
    assert lback("user", "exists", "alice").status == 5

    untrusted = dict(server.environment)
    del untrusted["LBACK_EMAIL_CA_FILE"]
    distrusted = lback(*register, input=FIRST, **untrusted)
    assert (distrusted.status, distrusted.error["code"]) == (9, "email_send_failed")
    assert "could not prove who it is" in distrusted.error["message"]

    up = lback(*register, input=FIRST, **server.environment)
    assert (up.status, up.result["username"]) == (0, "alice")
    assert len(server.messages) == 1


def test_an_administrator_manages_groups_and_cannot_lock_everybody_out(lback: Any) -> None:
    def run(*arguments: str) -> Any:
        return lback(*arguments, "-o", "json")

    def register(name: str, *options: str) -> None:
        finished = lback(
            *("user", "register", name, "--email", f"{name}@example.org", "--verified", "--password-stdin", *options),
            input=FIRST,
        )
        assert finished.status == 0, finished

    for group in ("admin", "staff"):
        assert run("group", "create", group).status == 0
    register("root", "--group", "admin")
    register("ada", "--group", "staff")

    for last in (
        ("delete", "root", "--yes"),
        ("update", "root", "--deactivate"),
        ("update", "root", "--remove-group", "admin"),
    ):
        refused = run("user", *last)
        assert (refused.status, refused.error["code"]) == (7, "last_administrator"), last
        assert "--add-group admin" in refused.error["message"]
    assert run("group", "delete", "admin", "--yes").error["code"] == "last_administrator"

    assert run("user", "update", "ada", "--add-group", "admin", "--remove-group", "staff").result["groups"] == [
        "admin",
        "basic_user",
    ]
    assert run("user", "update", "root", "--deactivate").status == 0
    assert run("user", "update", "ada", "--deactivate").status == 7, "root does not count while inactive"
    assert [user["username"] for user in run("user", "list", "--group", "admin", "--active").result] == ["ada"]
    assert lback("user", "authenticate", "root", "--password-stdin", input=FIRST).status == 4
    assert lback("user", "authenticate", "ada", "--password-stdin", input=FIRST).status == 0

    assert run("group", "delete", "staff", "--yes").status == 0
    assert run("user", "delete", "root", "--yes").status == 0
    assert [(group["name"], group["members"]) for group in run("group", "list").result] == [
        ("admin", 1),
        ("basic_user", 1),
    ]
