"""`lback run`: each line is a command of its own, in one process and one invocation."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.cli.script.lines import LIMIT
from tests.cli.terminals import ended

Cli = Callable[..., Any]


def answers(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_lines_are_split_like_in_a_shell_and_nothing_is_expanded(cli: Cli, register: Cli) -> None:
    register("ann")
    script = (
        "\ufeff# what follows is a comment too\n"
        "lback user update ann -q -o csv --set display_name='$HOME * ~ \"'  # nothing is expanded\r\n"
        "\n"
        "user exists ann && user delete ann\n"
    )
    outcome = cli("run", "-", input=script)
    assert ',"$HOME * ~ """,' in outcome.out
    assert (outcome.status, outcome.err) == (
        2,
        (
            "error: line 4: Unexpected argument: && user delete ann.\n"
            "       lback user exists --help shows the usage.\n"
            "Stopped at line 4 with exit 2. The lines before it are done.\n"
        ),
    )


def test_one_invocation_with_a_transaction_for_each_line(cli: Cli, register: Cli, tmp_path: Any) -> None:
    register("ann")
    (tmp_path / "script").write_text(
        "group create staff\nuser update ann --add-group staff --actor helper\nuser update ann --add-group nosuch\n"
    )
    assert cli("run", "script", "--keep-going", "--actor", "batch", "-q").status == 8
    newest = json.loads(cli("events", "list", "--limit", "3", "-o", "json").out)
    assert [(e["signal"], e["actor"]) for e in reversed(newest)] == [
        ("group_created", "batch"),
        ("user_updated", "helper"),
        ("user_update_failed", "batch"),
    ]
    (invocation,) = {
        json.loads(cli("events", "show", str(e["seq"]), "-o", "json").out)["invocation_id"] for e in newest
    }
    assert len(json.loads(cli("events", "list", "--invocation", invocation, "-o", "json").out)) == 3


def test_json_lines_have_the_result_or_the_error_of_each_line(cli: Cli, register: Cli) -> None:
    register("ann")
    alone = [
        cli(*words.split(), "-o", "json")
        for words in ("user show ann", "user exists nemo", "user show nemo", "group list --nosuch")
    ]
    script = (
        "user show ann\nuser exists nemo\nuser show nemo\n#\ngroup list --nosuch\nuser export --format csv\n--version\n"
    )
    outcome = cli("run", "-", "-k", "-o", "jsonl", input=script)
    *found, exported, version = answers(outcome.out)
    for answer, line, single in zip(found, (1, 2, 3, 5), alone, strict=True):
        shown = {"result": json.loads(single.out)} if single.out else json.loads(single.err)
        assert answer == {"line": line, "exit": single.status} | shown
    assert exported["result"].startswith("username,email,")
    assert version["result"].startswith("lback ")
    assert (outcome.status, outcome.err) == (8, "")


def test_an_answer_is_one_json_value_whatever_the_line_asks_for(cli: Cli, register: Cli) -> None:
    register("ann")
    script = (
        "user show ann --fields id,username -o jsonl\nuser list --fields id -o jsonl\nuser list --fields id -o json\n"
        "user list --fields id,username -o csv\nevents export\ngroup list --fields name -o value\n"
    )
    shown = [answer["result"] for answer in answers(cli("run", "-", "-o", "jsonl", input=script).out)]
    assert shown[:4] == [{"id": 1, "username": "ann"}, [{"id": 1}], [{"id": 1}], "id,username\n1,ann\n"]
    assert [event["seq"] for event in shown[4]] == [1, 2]
    assert shown[5] == "basic_user\n"


def test_what_a_line_did_is_one_message(cli: Cli) -> None:
    script = (
        "user register ann --email ann@example.org --invite\nuser register bob --email bob@example.org "
        "--generate-password\ngroup create staff\ngroup add staff ann bob\nuser update ann bob --deactivate --yes\n"
        "user show ann --fields id\n"
    )
    status, out, err = cli("run", "-", input=script)
    assert (status, re.sub(r"(\w{4}-){6,}\w{4}", "PASSWORD", out)) == (0, "generated password  PASSWORD\nid  1\n")
    assert [line.partition(";")[0] for line in err.splitlines()] == [
        *("Registered ann", "Registered bob", "Created the group staff.", "2 added to staff.", "2 updated."),
    ]


def test_a_terminal_shows_what_to_type(terminal: Any) -> None:
    for words, what in (
        (("run", "-"), "Type a command on each line, such as 'user show alice'; Ctrl-D ends."),
        (("user", "update", "-", "--activate"), "Type a user name on each line; Ctrl-D ends."),
    ):
        child = terminal(*words)
        child.expect_exact(what)
        child.sendeof()
        assert ended(child)[0] == 0


def test_a_typing_error_does_not_end_what_a_person_types(terminal: Any) -> None:
    child = terminal("run", "-")
    child.expect_exact("Ctrl-D ends.")
    child.sendline("usr show")
    child.expect_exact("No such command 'usr'. Did you mean 'user'?")
    child.sendline("group list")
    child.expect_exact("No groups.")
    child.sendeof()
    assert ended(child)[0] == 8


READS_INPUT = "A line of a script cannot read standard input. Name a file, as with --password-file."


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run other", "A script cannot run 'lback run'. Run it by itself."),
        ("events -q follow", "A script cannot run 'lback events follow'. Run it by itself."),
        ("events relay --once", "A script cannot run 'lback events relay'. Run it by itself."),
        ("user list --config x", "A line of a script cannot have --config. Give it to 'lback run'."),
        ("--database-url=x user list", "A line of a script cannot have --database-url. Give it to 'lback run'."),
        ("user list --no-receivers", "A line of a script cannot have --no-receivers. Give it to 'lback run'."),
        ("user verify-email -", READS_INPUT),
        ("user import - --format csv", READS_INPUT),
        ("user reset-password ann --password-stdin", READS_INPUT),
        ("user delete ann", "There is no terminal to ask for confirmation. Use --yes."),
        ("user register eve", "Missing option '--email'. lback user register --help shows the usage."),
        ("lback", "Missing command. lback --help shows the usage."),
        ("user", "Missing command. lback user --help shows the usage."),
        ("user update 'ann", "The line cannot be split into words: no closing quotation."),
        ("user show ann \\", "The line cannot be split into words: no escaped character."),
        ("x" * LIMIT, "The line has 1048576 bytes or more. Split it."),
        ("x" * (3 * LIMIT), "The line has 1048576 bytes or more. Split it."),
    ],
)
def test_a_refused_line_is_exit_2_and_the_next_one_runs(cli: Cli, register: Cli, line: str, message: str) -> None:
    register("ann")
    outcome = cli("run", "-", "--keep-going", "-o", "jsonl", input=f"{line}\nuser exists ann\n")
    refused, answer = answers(outcome.out)
    error = refused.pop("error")
    assert refused == {"line": 1, "exit": 2}
    assert (error["code"], " ".join(filter(None, (error["message"], error["hint"])))) == ("usage", message)
    assert answer == {"line": 2, "exit": 0, "result": {"user": "ann", "exists": True}}
    assert (outcome.status, outcome.err) == (8, "")


def test_the_first_failure_ends_the_script_with_its_code(cli: Cli) -> None:
    outcome = cli("run", "-", "-o", "json", input="group create staff -q\nuser show ann\ngroup create crew\n")
    assert outcome.status == 5
    error, stopped = outcome.err.splitlines()
    assert json.loads(error)["error"]["line"] == 2
    assert stopped == "Stopped at line 2 with exit 5. The lines before it are done."
    assert [group["name"] for group in json.loads(cli("group", "list", "-o", "json").out)] == ["staff"]


def test_all_failures_are_named_at_the_end(cli: Cli) -> None:
    outcome = cli("run", "-", "-k", input="user exists a\nuser exists b\ngroup list -q\nuser exists c\n")
    assert (outcome.status, outcome.err) == (8, "Commands that failed: 3, in the lines 1-2,4.\n")


def test_options_of_a_line_end_with_it(cli: Cli, register: Cli, tmp_path: Any) -> None:
    register("ann")
    script = (
        "user update ann --deactivate --trace-file trace --no-color -o json -q\n"
        "user update ann --activate -q\nuser exists ann\n"
    )
    outcome = cli("run", "-", input=script)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith('{\n  "id": 1,')
    assert outcome.out.endswith("user    ann\nexists  yes\n")
    assert (tmp_path / "trace").read_text().count("user_updated") == 1


def test_a_script_that_cannot_be_read_is_exit_2(cli: Cli, tmp_path: Any) -> None:
    assert cli("run", "nosuch").err == "error: Cannot read nosuch: No such file or directory.\n"
    assert cli("run", str(tmp_path)).status == 2
    assert cli("run", "-") == (0, "", "")
