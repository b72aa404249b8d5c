"""Unknown ``LBACK_`` variables are a warning on standard error."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.cli.user.list import NO_USERS

Cli = Callable[..., Any]


def test_unknown_variable_is_one_warning_and_the_command_runs(cli: Cli) -> None:
    assert cli("user", "list", "-o", "csv", LBACK_DATABASE_ULR="x") == (
        0,
        (
            "id,username,email,external_id,display_name,is_active,is_email_verified,groups,"
            "created_at,updated_at,last_login,locked_until,password\n"
        ),
        f"warning: Unknown environment variable LBACK_DATABASE_ULR. Did you mean LBACK_DATABASE_URL?\n{NO_USERS}\n",
    )


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_unknown_variable_is_a_json_line_with_json_output(cli: Cli, form: str) -> None:
    outcome = cli("user", "list", "-o", form, LBACK_DATABASE_ULR="x", LBACK_PORT_8080_TCP_PROTO="tcp")
    assert outcome.status == 0
    assert [json.loads(line) for line in outcome.err.splitlines()] == [
        {
            "warning": {
                "message": "Unknown environment variable LBACK_DATABASE_ULR.",
                "hint": "Did you mean LBACK_DATABASE_URL?",
            }
        },
        {"warning": {"message": "Unknown environment variable LBACK_PORT_8080_TCP_PROTO."}},
    ]


def test_unknown_variable_in_dotenv_is_a_warning(cli: Cli, tmp_path: Any) -> None:
    path = tmp_path / ".env"
    path.write_text("LBACK_ACTRO=ann\n")
    path.chmod(0o600)
    outcome = cli("config", "path", "-q")
    assert outcome.status == 0
    assert outcome.err == "warning: Unknown environment variable LBACK_ACTRO in .env. Did you mean LBACK_ACTOR?\n"


def test_completion_shows_no_warning(lback: Any) -> None:
    completed = lback(
        _LBACK_COMPLETE="complete_bash", COMP_WORDS="lback user show a", COMP_CWORD="3", LBACK_DATABASE_ULR="x"
    )
    assert completed.err == ""
