"""`lback signals`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.signals import CATALOGUE
from tests.cli.terminals import ended

Cli = Callable[..., Any]


def test_signals_list_has_all_22_signals_in_every_format(cli: Cli) -> None:
    document = json.loads(cli("signals", "list", "-o", "json").out)
    assert len(document) == 22
    assert list(document[0]) == ["name", "phase", "can_veto", "when", "arguments", "words"]
    assert {signal["phase"] for signal in document if not signal["can_veto"]} == {"failure"}
    lines = cli("signals", "list", "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == document
    table = cli("signals", "list").out.splitlines()
    assert [line.split()[0] for line in table] == ["name", *(signal["name"] for signal in document)]
    assert cli("signals", "list", "-o", "csv").out.count("\n") == 23


def test_signals_list_is_whole_on_a_terminal(terminal: Any) -> None:
    status, shown = ended(terminal("signals", "list", "--no-pager"))
    assert status == 0
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    words = " ".join(shown.split())
    assert all(name in words for name in CATALOGUE)


def test_signals_show_is_text_in_a_table_and_a_record_in_json(cli: Cli) -> None:
    page = cli("signals", "show", "user_deletion_failed")
    assert (page.status, page.err) == (0, "")
    lines = page.out.splitlines()
    assert lines[:4] == [
        "user_deletion_failed",
        "",
        "When a deletion fails for any reason.",
        "A receiver cannot veto the operation.",
    ]
    assert "error_type is one of" in lines
    record = json.loads(cli("signals", "show", "user_deletion_failed", "-o", "json").out)
    assert [argument["name"] for argument in record["arguments"]] == [
        "sender",
        "user_id",
        "username",
        "error_type",
        "exception",
    ]
    for word in record["words"]:
        assert any(line.startswith(f"  {word} ") for line in lines)


def test_signals_show_suggests_the_nearest(cli: Cli) -> None:
    assert cli("signals", "show", "user_delete") == (
        5,
        "",
        (
            "error: There is no signal 'user_delete'.\n"
            "       Did you mean user_deleted? 'lback signals list' shows all signals.\n"
        ),
    )


@pytest.mark.parametrize("arguments", [("list",), ("show", "user_registered")])
def test_signals_need_no_database(cli: Cli, lback: Any, arguments: tuple[str, ...]) -> None:
    assert cli("signals", *arguments, "--database-url", "sqlite:////no/where").status == 0
    assert not lback.database.exists()
