"""Commands on several users: which users, the question, the brake, and a result for each."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.terminals import ended

Cli = Callable[..., Any]


@pytest.fixture
def people(cli: Cli) -> Cli:
    """Eight users: u1 to u8, of whom u7 and u8 are inactive, and u8 is verified."""
    more = {7: " --inactive", 8: " --inactive --verified"}
    script = [f"user register u{n} --email u{n}@example.org --invite{more.get(n, '')}\n" for n in range(1, 9)]
    assert cli("run", "-", "-q", input="".join(script)).status == 0
    return cli


def names(cli: Cli, *conditions: str) -> list[str]:
    options = [word for condition in conditions for word in ("--where", condition)]
    return [user["username"] for user in json.loads(cli("user", "list", *options, "-o", "json").out)]


def outcomes(outcome: Any) -> dict[str, str]:
    return {result["user"]: result["outcome"] for result in json.loads(outcome.out)}


def test_each_user_has_a_result_and_a_failure_is_exit_8(people: Cli) -> None:
    outcome = people(
        "user", "update", "u1", "U1@EXAMPLE.org", "u7", "nemo", "id:99", "--deactivate", "-y", "-o", "json"
    )
    assert outcome.status == 8
    assert outcome.err == "1 updated, 1 unchanged, 2 failed.\n"
    done = {"error_code": None, "error": None}
    missing = {"outcome": "failed", "error_code": "user_not_found", "username": None}
    assert json.loads(outcome.out) == [
        {"user": "u1", "id": 1, "username": "u1", "outcome": "updated"} | done,
        {"user": "u7", "id": 7, "username": "u7", "outcome": "unchanged"} | done,
        {"user": "nemo", "id": None, "error": "There is no user 'nemo'."} | missing,
        {"user": "id:99", "id": 99, "error": "There is no user 'id:99'."} | missing,
    ]
    newest = json.loads(people("events", "list", "--limit", "3", "-o", "json").out)
    assert [(e["signal"], e["subject_id"]) for e in reversed(newest)] == [
        ("user_updated", 1),
        ("user_updated", 7),
        ("user_update_failed", 99),
    ], "one operation for each, and none for a name that no user has"


def test_ids_without_their_mark_are_answered_with_it(people: Cli) -> None:
    outcome = people("user", "update", "-", "--activate", "-y", input="1\nnemo\n2\n")
    hint = "To name users by their ids, write id:1.\n"
    assert (outcome.status, outcome.err) == (8, f"3 failed.\n{hint}")
    assert hint not in people("user", "update", "id:1", "nemo", "--activate", "-y").err
    assert hint not in people("user", "update", "1", "2", "--activate", "-y", "-o", "json").err


def test_conditions_and_standard_input_select_users(people: Cli) -> None:
    assert people("group", "create", "staff", "-q").status == 0
    added = people("group", "add", "staff", "--where", "inactive", "--where", "unverified", "-y", "-o", "json")
    assert outcomes(added) == {"u7": "updated"}
    updated = people("user", "update", "-", "--add-group", "staff", "-y", "-o", "json", input="u1\n\n u2@example.org\n")
    assert outcomes(updated) == {"u1": "updated", "u2@example.org": "updated"}
    assert names(people, "group=staff") == ["u1", "u2", "u7"]
    removed = people("group", "remove", "staff", "-", "-y", input="u1\nu3\n")
    assert removed == (
        0,
        "user  outcome    error\nu1    updated\nu3    unchanged\n",
        "1 removed from staff, 1 not a member.\n",
    )


def test_no_match_is_exit_0_with_a_message(people: Cli) -> None:
    for words in (
        ("user", "update", "--where", "search=nemo", "--deactivate"),
        ("user", "delete", "--where", "locked"),
        ("user", "request-password-reset", "-"),
        ("user", "resend-verification", "--where", "created-before=1d"),
        ("group", "add", "basic_user", "--where", "search=nemo"),
    ):
        assert people(*words) == (0, "", "No users match.\n"), words
    assert people("user", "delete", "--where", "locked", "-o", "json").out == "[]\n"


def test_mail_to_several_users(people: Cli, lback: Any) -> None:
    before = len(lback.mails)
    reset = people("user", "request-password-reset", "u1", "u2", "-y", "-o", "json")
    assert (outcomes(reset), reset.err) == ({"u1": "updated", "u2": "updated"}, "2 got a reset link.\n")
    resent = people("user", "resend-verification", "--where", "inactive", "-y", "-o", "json")
    assert (outcomes(resent), resent.err) == (
        {"u7": "updated", "u8": "unchanged"},
        "1 got a verification link, 1 already verified.\n",
    )
    recipients = sorted(str(mail["To"]) for mail in lback.mails[before:])
    assert recipients == ["u1@example.org", "u2@example.org", "u7@example.org"]


def test_a_deletion_is_confirmed_by_the_number_of_users(people: Cli) -> None:
    delete = ("user", "delete", "u1", "u2", "u2", "nemo")
    assert people(*delete, "--yes") == (
        2,
        "",
        "error: There is no terminal to ask for confirmation.\n       Use --confirm=2.\n",
    )
    assert people(*delete, "--confirm", "4").status == 3
    assert len(names(people)) == 8
    outcome = people(*delete, "--confirm=2", "-o", "json")
    assert outcome.status == 8
    assert outcomes(outcome) == {"u1": "deleted", "u2": "deleted", "nemo": "failed"}
    again = people("user", "delete", "u2", "u3", "--confirm=1", "--if-missing", "skip", "-o", "json")
    assert (again.status, outcomes(again)) == (0, {"u2": "skipped", "u3": "deleted"})
    assert names(people) == ["u4", "u5", "u6", "u7", "u8"]


@pytest.mark.parametrize(
    ("words", "count", "share"),
    [
        (("delete", "--where", "search=u", "--confirm=8"), "delete 8 of 8 users (100 %)", "100"),
        (("update", "--where", "search=u", "--deactivate", "-y"), "deactivate 6 of 8 users (75 %)", "75"),
        (("update", "u1", "u2", "u3", "u4", "u5", "--deactivate", "-y"), "deactivate 5 of 8 users (63 %)", "63"),
    ],
)
def test_a_share_of_all_users_needs_max_share(people: Cli, words: tuple[str, ...], count: str, share: str) -> None:
    active = names(people, "active")
    assert people("user", *words) == (
        7,
        "",
        f"error: This would {count}. The limit is 10 %.\n       If that is what you want, add --max-share {share}.\n",
    )
    assert people("user", *words, "--max-share", "62.4").status == 7
    assert names(people, "active") == active
    assert people("user", *words, "--max-share", share, "-q").status == 0
    assert names(people, "active") != active


def test_fewer_than_five_users_and_other_changes_are_never_too_many(people: Cli) -> None:
    assert people("user", "update", "u1", "u2", "u3", "u4", "--deactivate", "-y").status == 0
    assert people("user", "update", "--where", "search=u", "--activate", "--set", "display_name=U", "-y").status == 0
    assert people("user", "update", "u1", "u2", "--deactivate", "-y", "--max-share", "0").status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("update", "--deactivate"), "No user is named."),
        (("delete",), "No user is named."),
        (("request-password-reset", "-y"), "No user is named."),
        (("update", "u1", "--where", "active", "--deactivate"), "Give either USERs or --where, not both."),
        (("update", "u1", "-", "--deactivate"), "Names come either from the command line or with '-'"),
        (("update", "u1", "u2", "--email", "a@example.org", "-y"), "--email is for one user."),
        (("update", "--where", "active", "--username", "x", "-y"), "--username is for one user."),
        (("update", "u1", "u2", "--generate-password", "-y"), "A password is for one user."),
        (("update", "u1", "u2", "--deactivate"), "There is no terminal to ask for confirmation."),
        (("update", "--where", "nosuch", "--deactivate"), "--where nosuch: this is not a condition."),
        (("delete", "u1", "u2", "--max-share", "101"), "Invalid value for '--max-share'"),
    ],
)
def test_what_cannot_be_meant_is_exit_2(people: Cli, words: tuple[str, ...], message: str) -> None:
    events = people("events", "list", "-o", "json").out
    outcome = people("user", *words)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"error: {message}")
    assert people("events", "list", "-o", "json").out == events


def test_one_user_is_changed_as_before(people: Cli) -> None:
    assert people("user", "update", "u1", "--deactivate", "-q", "-o", "json").status == 0
    deleted = people("user", "delete", "u1", "--yes")
    assert (deleted.status, deleted.out, deleted.err.split(" Until ")[0]) == (0, "", "Deleted u1.")


def test_a_terminal_asks_once_and_shows_many_results_as_a_sum(people: Cli, terminal: Any) -> None:
    child = terminal("user", "update", "--where", "search=u", "--where", "active", "--unverified", "--add-group", "x")
    child.expect_exact("Mark as unverified, add to x: 6 users (u1, u2, u3 and 3 more)? [y/N] ")
    child.sendline("no")
    assert ended(child) == (3, "no\nNothing was changed.\n")
    child = terminal("user", "delete", "u1", "u2")
    child.expect_exact("Delete 2 users (u1 and u2)?\r\nType the number of users to confirm: ")
    child.sendline("2")
    assert ended(child) == (0, "2\nuser  outcome\nu1    deleted\nu2    deleted\n2 deleted.\n")
    script = "".join(f"user register v{n} --email v{n}@example.org --invite\n" for n in range(20))
    assert people("run", "-", "-q", input=script).status == 0
    child = terminal("group", "add", "basic_user", "--where", "search=example", "-y", TERM="dumb")
    status, shown = ended(child)
    assert (status, shown.splitlines()[-1]) == (0, "26 already a member.")
    assert "v1" not in shown


def test_quiet_output_has_only_the_failures(people: Cli) -> None:
    outcome = people("user", "update", "u1", "nemo", "--deactivate", "-y", "-q")
    assert outcome == (8, "user  outcome  error\nnemo  failed   There is no user 'nemo'.\n", "")
    assert people("user", "update", "u1", "u2", "--deactivate", "-y", "-q") == (0, "", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("user", "update", "nemo", "--deactivate"), "There is no user nemo: skipped.\n"),
        (("user", "request-password-reset", "nemo"), "There is no user nemo: skipped.\n"),
        (("user", "resend-verification", "nemo"), "There is no user nemo: skipped.\n"),
        (("user", "unlock", "nemo"), "There is no user nemo: skipped.\n"),
        (("user", "delete", "nemo", "--yes"), "There is no user nemo: skipped.\n"),
        (("user", "update", "nemo", "id:99", "--deactivate", "-y"), "2 skipped.\n"),
        (("user", "request-password-reset", "nemo", "id:99", "-y"), "2 skipped.\n"),
        (("user", "resend-verification", "nemo", "id:99", "-y"), "2 skipped.\n"),
        (("user", "delete", "nemo", "id:99", "--confirm=0"), "2 already gone.\n"),
        (("group", "add", "basic_user", "nemo"), "1 skipped.\n"),
        (("group", "remove", "basic_user", "nemo", "id:99"), "2 skipped.\n"),
    ],
)
def test_who_is_missing_can_be_skipped_without_an_operation(people: Cli, words: tuple[str, ...], message: str) -> None:
    events = people("events", "list", "-o", "json").out
    outcome = people(*words, "--if-missing", "skip", "-o", "jsonl")
    assert (outcome.status, outcome.err) == (0, message)
    assert {json.loads(line)["outcome"] for line in outcome.out.splitlines()} == {"skipped"}
    assert people("events", "list", "-o", "json").out == events


def test_register_can_update_a_user_who_exists(people: Cli) -> None:
    register = ("user", "register", "U1", "--invite", "--if-exists", "update", "-o", "json")
    update = ("--email", "new@example.org", "--group", "staff", "--inactive", "--set", "display_name=One")
    assert people("group", "create", "staff", "-q").status == 0
    outcome = people(*register, *update)
    user = json.loads(outcome.out)
    assert (outcome.status, user["id"], user["outcome"]) == (0, 1, "updated")
    assert (user["email"], user["groups"], user["is_active"], user["display_name"], user["password"]) == (
        "new@example.org",
        ["basic_user", "staff"],
        False,
        "One",
        "none",
    )
    assert json.loads(people(*register, *update).out)["outcome"] == "unchanged"
    # Without a terminal and without a password: none is needed.
    assert people("user", "register", "u1", "--email", "new@example.org", "--if-exists", "update", "-q").status == 0
    made = people(
        *("user", "register", "new", "--email", "n@example.org", "--invite", "--if-exists", "update"), "-o", "json"
    )
    assert json.loads(made.out)["outcome"] == "created"
