"""Words that a person may guess: other names of commands, and answers that name the real command."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import typer

from lback_cli.cli.app import app
from lback_cli.cli.context import CliContext
from lback_cli.cli.global_options import global_parameters
from lback_cli.cli.guesses import COMMANDS, DESTRUCTIVE, OPTIONS, OTHERS
from lback_cli.errors import UsageError
from tests.cli.command_lines import calls_in, commands_below

Cli = Callable[..., Any]

ROOT = typer.main.get_command(app)
TREE = {" ".join(("lback", *words)): command for words, command in commands_below(ROOT)}
GROUPS = {path: command for path, command in TREE.items() if hasattr(command, "commands")}


@pytest.mark.parametrize("path", COMMANDS)
def test_every_answer_is_a_command_that_deletes_nothing(path: str) -> None:
    group: Any = GROUPS[path]
    for word, answers in COMMANDS[path].items():
        assert word not in {*group.commands, *group.aliases}, "it is a command"
        for answer in answers:
            (arguments,) = calls_in(answer)
            if arguments == ["--version"]:
                continue
            name = next(name for name in (" ".join(("lback", *arguments[:n])) for n in (3, 2, 1)) if name in TREE)
            rest = arguments[len(name.split()) - 1 :]
            filled = ["1" if argument == "SEQ" else argument for argument in rest]
            assert TREE[name].make_context(name, filled, obj=CliContext()) is not None
            assert DESTRUCTIVE.isdisjoint(arguments)


def test_every_option_that_is_named_instead_exists() -> None:
    parameters = [*global_parameters(), *(parameter for command in TREE.values() for parameter in command.params)]
    known = {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {instead.split()[0] for answers in OPTIONS.values() for instead in answers} <= known


def test_every_command_line_that_is_named_instead_of_an_option_is_valid() -> None:
    for path, lines in OTHERS.items():
        assert path in TREE
        for option, line in lines.items():
            assert option not in {name for parameter in TREE[path].params for name in parameter.opts}
            (arguments,) = calls_in(line)
            assert TREE[" ".join(("lback", *arguments[:2]))].make_context("x", arguments[2:], obj=CliContext())


@pytest.mark.parametrize("path", GROUPS)
def test_no_word_that_is_mistyped_leads_to_a_deletion(path: str) -> None:
    group: Any = GROUPS[path]
    for word in DESTRUCTIVE:
        shorter = [word[:n] + word[n + 1 :] for n in range(len(word))]
        swapped = [word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1)]
        for typed in {*shorter, *swapped, word.upper(), word + "s", f"un{word}"} - {*group.commands}:
            with pytest.raises(UsageError) as caught:
                group.resolve_command(group.make_context(path, [typed]), [typed])
            answered = f"{caught.value.message.replace(repr(typed), '')} {caught.value.hint}"
            assert not any(found in answered for found in DESTRUCTIVE), answered


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("user create", "No such command 'create'.", "Try: lback user register USERNAME --email ADDRESS"),
        ("user lock ann", "No such command 'lock'.", "Try: lback user update USER --deactivate"),
        (
            "user remove ann",
            "No such command 'remove'.",
            "Try: lback group remove GROUP USER, or: lback user update USER --deactivate",
        ),
        ("user describ ann", "No such command 'describ'.", "Try: lback user show USER"),
        ("user delte ann", "No such command 'delte'.", "lback user --help shows the usage."),
        ("login ann", "No such command 'login'.", "Try: lback user authenticate USERNAME"),
        ("register ann", "No such command 'register'.", "Try: lback user register"),
        ("add", "No such command 'add'.", "Try: lback user add, or: lback group add"),
        ("delete ann", "No such command 'delete'.", "lback --help shows the usage."),
        ("group add-user staff ann", "No such command 'add-user'.", "Try: lback group add GROUP USER"),
        ("group rm staff ann", "No such command 'rm'.", "Try: lback group remove GROUP USER"),
        ("db migrate", "No such command 'migrate'.", "Try: lback db upgrade"),
        ("user update ann --disable", "No such option: --disable.", "Use --deactivate."),
        ("user list --disabled", "No such option: --disabled.", "Use --inactive."),
        ("user update ann --group staff", "No such option: --group.", "Use --add-group GROUP."),
        ("user list --page 2", "No such option: --page.", "Use --after VALUE."),
        ("user list --columns email", "No such option: --columns.", "Use --fields NAME,NAME."),
        (
            "user export --fields email",
            "No such option: --fields.",
            "Try: lback user list --fields username,email,groups -o csv > users.csv",
        ),
        ("report access --file x", "No such option: --file.", "Try: lback report access --format html > access.html"),
        ("user undelete ann", "No such command 'undelete'.", "Try: lback user restore USER"),
        ("user list --filter x=y", "No such option: --filter.", "Use --where CONDITION."),
        ("user list --status inactive", "No such option: --status.", "Use --where CONDITION."),
        ("user list --count", "No such option: --count.", "Try: lback user list --fields id -o value | wc -l"),
        ("user list inactive", "Unexpected argument: inactive.", "Use --where inactive."),
        ("user list ann", "Unexpected argument: ann.", "Use --search ann."),
        ("user export out.csv", "Unexpected argument: out.csv.", "Use --file out.csv."),
        ("user register ann a@x.org", "Unexpected argument: a@x.org.", "Use --email a@x.org."),
        ("group list staff", "Unexpected argument: staff.", "lback group list --help shows the usage."),
        (
            "undo last",
            "Invalid value for '[SEQ]...': It must be a number.",
            "'lback events list' shows the numbers of events. '--import last' undoes the last import.",
        ),
        (
            "events show last",
            "Invalid value for 'SEQ': It must be a number.",
            "'lback events list' shows the numbers of events.",
        ),
        ("user list --json", "No such option: --json.", "Use -o json."),
        ("user erase ann --yes", "No such option: --yes.", "Use --confirm NAME."),
    ],
)
def test_a_guess_is_exit_2_and_names_the_command_or_option(cli: Cli, line: str, message: str, hint: str) -> None:
    assert cli(*line.split()) == (2, "", f"error: {message}\n       {hint}\n")


def test_other_names_do_what_they_say(cli: Cli, register: Cli) -> None:
    register("ann")
    shown = ("-o", "json", "-q")
    disabled = json.loads(cli("user", "disable", "ann", *shown).out)
    assert (disabled["is_active"], disabled["outcome"]) == (False, "updated")
    assert json.loads(cli("user", "enable", "ann", *shown).out)["is_active"] is True
    assert json.loads(cli("user", "invite", "ben", "--email", "b@x.org", *shown).out)["password"] == "invited"
    assert json.loads(cli("user", "add", "cid", "--email", "c@x.org", "--generate-password", *shown).out)["id"] == 3
    assert cli("user", "rename", "ann", "Anna", "-o", "csv").err == "~ ann  username ann → anna\n"
    assert cli("user", "rename", "anna", "ben").status == 6


@pytest.mark.parametrize(("other", "real"), [("disable", "update --deactivate"), ("add", "register")])
def test_the_help_of_another_name_says_what_it_stands_for(cli: Cli, other: str, real: str) -> None:
    usage, description = cli("user", real.split(maxsplit=1)[0], "--help").out.split("\n\n", 1)
    said = f"'lback user {other}' is 'lback user {real}'."
    assert cli("user", other, "--help").out == f"{usage}\n\n{said}\n\n{description}"
    assert cli("help", "user", other).out == f"{usage}\n\n{said}\n\n{description}"


def test_a_number_that_is_not_a_name_leads_to_the_user_with_that_id(cli: Cli, register: Cli) -> None:
    register("ann")
    assert cli("user", "show", "1") == (
        5,
        "",
        "error: There is no user '1'.\n       The user with that id is ann: id:1\n",
    )
    for digits in ("7", "٣", "9" * 400):
        assert cli("user", "show", digits).err.endswith("       'lback user list' shows all users.\n")
    register("1")
    assert json.loads(cli("user", "show", "1", "-o", "json").out)["id"] == 2
