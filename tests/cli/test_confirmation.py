"""Questions before a command deletes something, and what a script gives instead."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.terminals import ended

Cli = Callable[..., Any]

UNCHANGED = "Nothing was changed.\n"


@pytest.fixture
def answered(terminal: Cli) -> Callable[..., tuple[int, str]]:
    """Run `lback` on a terminal, type the *answer* at the *question*, and return the exit code and what follows."""

    def run(*arguments: str, question: str, answer: str) -> tuple[int, str]:
        child = terminal(*arguments)
        child.expect_exact(question)
        child.send(answer)
        return ended(child)

    return run


@pytest.mark.parametrize(
    ("answer", "status", "shown"),
    [
        ("ALICE\n", 0, "ALICE\nErased alice. Events erased: 2, and 0 of others.\n"),
        ("alice@example.org\n", 3, f"alice@example.org\n'alice@example.org' is not the user name, alice. {UNCHANGED}"),
        ("y\n", 3, f"y\n'y' is not the user name, alice. {UNCHANGED}"),
        ("\n", 3, f"\n{UNCHANGED}"),
        ("\x04", 3, f"\n{UNCHANGED}"),
        ("\x03", 130, "^C\nInterrupted.\n"),
    ],
)
def test_an_erasure_asks_for_the_user_name(
    *, answered: Cli, cli: Cli, register: Cli, answer: str, status: int, shown: str
) -> None:
    register("alice")
    question = (
        "Erase alice and all personal data in the event log? This cannot be undone.\r\nType the user name to confirm: "
    )
    ended = answered("user", "erase", "alice@example.org", "-o", "csv", question=question, answer=answer)
    assert (ended[0], ended[1].partition("id,")[0]) == (status, shown)
    assert cli("user", "exists", "alice").status == (5 if status == 0 else 0)


@pytest.mark.parametrize(
    ("answer", "status", "shown"),
    [
        ("staff\n", 0, "staff\nDeleted the group staff.\n"),
        ("2\n", 0, "2\nDeleted the group staff.\n"),
        ("yes\n", 3, f"yes\n'yes' is not the name of the group, staff. {UNCHANGED}"),
    ],
)
def test_deleting_a_group_with_members_asks_for_its_name_or_their_number_even_with_yes(
    *, answered: Cli, cli: Cli, register: Cli, answer: str, status: int, shown: str
) -> None:
    cli("group", "create", "staff")
    for name in ("ann", "ben"):
        register(name, "--group", "staff")
    question = "Delete the group staff and its memberships (2)?\r\nType the name of the group to confirm: "
    assert answered("group", "delete", "staff", "--yes", question=question, answer=answer) == (status, shown)
    assert cli("group", "show", "staff").status == (5 if status == 0 else 0)


def test_a_script_confirms_with_the_name_and_not_with_yes(cli: Cli, register: Cli) -> None:
    cli("group", "create", "staff")
    register("alice", "--group", "staff")
    for arguments, hint in (
        (("user", "erase", "id:1"), "--confirm=alice"),
        (("group", "delete", "staff", "--yes"), "--confirm=staff"),
    ):
        message = f"error: There is no terminal to ask for confirmation.\n       Use {hint}.\n"
        assert cli(*arguments) == (2, "", message)
    assert cli("user", "erase", "alice", "--yes").status == 2
    declined = cli("user", "erase", "alice", "--confirm=bob", "-o", "json")
    assert (declined.status, declined.out, json.loads(declined.err)["error"]) == (
        3,
        "",
        {"code": "declined", "message": "'bob' is not the user name, alice. Nothing was changed.", "hint": None},
    )
    assert cli("group", "delete", "staff", "--confirm", "3").status == 3
    assert cli("user", "show", "alice", "-o", "json").out.count('"staff"') == 1
    assert cli("user", "erase", "alice", "--confirm=alice", "-q").status == 0
    assert cli("group", "delete", "staff", "-y") == (0, "", "Deleted the group staff.\n"), "it has no members left"


def test_a_deleted_user_is_erased_by_the_last_name_and_an_erased_one_by_the_id(cli: Cli, register: Cli) -> None:
    register("alice")
    cli("user", "update", "alice", "--username", "ally")
    cli("user", "delete", "ally", "--yes")
    assert cli("user", "erase", "alice", "--confirm=alice").status == 3
    assert cli("user", "erase", "alice", "--confirm=ally", "-q").status == 0
    assert "Use --confirm=id:1." in cli("user", "erase", "id:1").err
    assert cli("user", "erase", "nemo", "--confirm=nemo").status == 5


def test_who_or_what_is_missing_is_skipped_without_a_question_or_an_event(cli: Cli) -> None:
    events = cli("events", "list", "-o", "json").out
    assert cli("user", "delete", "nemo", "--if-missing", "skip") == (0, "", "There is no user nemo: skipped.\n")
    assert cli("user", "delete", "id:7", "--if-missing=skip", "-o", "json") == (
        0,
        '{\n  "id": null,\n  "deleted": false,\n  "outcome": "skipped"\n}\n',
        "There is no user id:7: skipped.\n",
    )
    assert cli("group", "delete", "nemo", "--if-missing", "skip") == (0, "", "There is no group nemo: skipped.\n")
    assert cli("events", "list", "-o", "json").out == events
    assert cli("user", "delete", "nemo", "--if-missing", "fail").status == 5


def test_a_group_that_exists_is_skipped_and_shown(cli: Cli, register: Cli) -> None:
    cli("group", "create", "staff", "--description", "Everybody")
    register("alice", "--group", "staff")
    outcome = cli("group", "create", "STAFF", "--description", "Another", "--if-exists", "skip", "-o", "json")
    shown = json.loads(outcome.out)
    assert (outcome.status, outcome.err) == (0, "The group staff exists already: skipped.\n")
    assert (shown["description"], shown["members"], shown["outcome"]) == ("Everybody", 1, "skipped")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("alice", "--confirm=1"), 0, ""),
        (("alice", "--confirm=2"), 3, "'2' is not the number of users, 1. Nothing was changed.\n"),
        (("alice", "--yes", "--confirm=7"), 3, "'7' is not the number of users, 1. Nothing was changed.\n"),
    ],
)
def test_a_number_confirms_the_deletion_of_one_user_too(
    cli: Any, register: Any, words: tuple[str, ...], status: int, message: str
) -> None:
    register("alice")
    outcome = cli("user", "delete", *words, "-q")
    assert (outcome.status, outcome.err) == (status, message)
    assert cli("user", "exists", "alice").status == (5 if status == 0 else 0)
