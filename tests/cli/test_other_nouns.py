"""`lback db`, `mail`, `signals` and `config`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.database.schema import REVISION

Cli = Callable[..., Any]


def status(path: object, state: str, revision: str) -> str:
    text = f"database  {path}\nbackend   sqlite\nstate     {state}\nrevision  {revision}\nneeded    {REVISION}\n"
    return text.replace("revision  \n", "revision\n")


def test_a_named_database_is_made_by_init_and_by_nothing_else(cli: Cli, tmp_path: Any) -> None:
    path = tmp_path / "users.db"
    url = f"--database-url=sqlite:///{path}"
    missing = f"error: The database {path} does not exist.\n       Run: lback db init\n"
    assert cli("db", "status", url) == (9, status(path, "missing", ""), missing)
    assert cli("user", "list", url) == (9, "", missing)
    assert cli("db", "upgrade", url) == (9, "", missing)
    assert not path.exists()
    assert cli("db", "init", url) == (0, status(path, "current", REVISION), f"{path} is ready.\n")
    assert cli("db", "init", url) == (0, status(path, "current", REVISION), f"{path} has its tables already.\n")
    assert cli("db", "upgrade", url) == (0, status(path, "current", REVISION), f"{path} is up to date.\n")
    assert cli("db", "status", url, "-o", "jsonl") == (
        0,
        json.dumps(
            {"database": str(path), "backend": "sqlite", "state": "current", "revision": REVISION, "needed": REVISION}
        )
        + "\n",
        "",
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_embedded_database_is_made_on_first_use_for_its_owner_only(cli: Cli, lback: Any) -> None:
    assert cli("user", "list", "-o", "json") == (0, "[]\n", "")
    assert lback.database.stat().st_mode & 0o777 == 0o600
    assert lback.database.parent.stat().st_mode & 0o777 == 0o700


def test_mail_test_sends_a_mail(cli: Cli, lback: Any) -> None:
    assert cli("mail", "test", "You@Example.org") == (
        0,
        "email      you@example.org\ntransport  file\nsent       yes\n",
        "Sent a test mail to you@example.org.\n",
    )
    (mail,) = lback.mails
    assert mail["To"] == "you@example.org"


def test_mail_test_says_why_no_mail_was_sent(cli: Cli) -> None:
    assert cli("mail", "test", "nobody").status == 7
    outcome = cli("mail", "test", "a@example.org", "-o", "json", LBACK_EMAIL_TRANSPORT="smtp", LBACK_EMAIL_PORT="1")
    error = json.loads(outcome.err)["error"]
    assert (outcome.status, outcome.out, error["code"]) == (9, "", "email_send_failed")
    assert error["message"].startswith("The mail server localhost:1 cannot be reached: ")


def test_signals_list_has_all_22_in_every_form(cli: Cli) -> None:
    document = json.loads(cli("signals", "list", "-o", "json").out)
    assert len(document) == 22
    assert list(document[0]) == ["name", "phase", "can_veto", "when", "arguments", "words"]
    assert {signal["phase"] for signal in document if not signal["can_veto"]} == {"failure"}
    lines = cli("signals", "list", "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == document
    table = cli("signals", "list").out.splitlines()
    assert [line.split()[0] for line in table] == ["name", *(signal["name"] for signal in document)]
    assert cli("signals", "list", "-o", "csv").out.count("\n") == 23


def test_signals_show_is_a_page_for_people_and_the_same_record_for_programs(cli: Cli) -> None:
    page = cli("signals", "show", "user_deletion_failed")
    assert (page.status, page.err) == (0, "")
    lines = page.out.splitlines()
    assert lines[:4] == [
        "user_deletion_failed",
        "",
        "When a deletion leaves the user in place, for whatever reason.",
        "It cannot be vetoed.",
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
        "error: There is no signal 'user_delete'.\n       Did you mean user_deleted?\n",
    )


@pytest.mark.parametrize("arguments", [("list",), ("show", "user_registered")])
def test_signals_need_no_database(cli: Cli, lback: Any, arguments: tuple[str, ...]) -> None:
    assert cli("signals", *arguments, "--database-url", "sqlite:////no/where").status == 0
    assert not lback.database.exists()


def test_config_show_names_sources_and_masks_passwords(cli: Cli) -> None:
    outcome = cli(
        *("config", "show", "-o", "json", "--database-url", "postgresql://app:s3cret@db/app"),
        LBACK_EMAIL_HOST="mail.example.org",
    )
    rows = {row["key"]: (row["value"], row["source"]) for row in json.loads(outcome.out)}
    assert rows["database.url"] == ("postgresql://app:***@db/app", "--database-url")
    assert rows["email.host"] == ("mail.example.org", "LBACK_EMAIL_HOST")
    assert rows["email.port"] == ("587", "default")
    assert rows["output.format"] == ("json", "--output")
    assert "s3cret" not in outcome.out + outcome.err


def test_config_path_tells_what_is_read_and_what_is_looked_for(cli: Cli, tmp_path: Any) -> None:
    here, yours = tmp_path / "config.toml", tmp_path / "config" / "lback" / "config.toml"
    assert cli("config", "path") == (0, f"read\nhere   {here}\nyours  {yours}\n", "")
    here.write_text("[email]\nport = 25\n")
    assert json.loads(cli("config", "path", "-o", "json").out)["read"] == str(here)
    other = tmp_path / "other.toml"
    other.write_text("")
    assert json.loads(cli("config", "path", "-o", "json", LBACK_CONFIG=str(other)).out)["read"] == str(other)
    assert json.loads(cli("config", "path", "-o", "json", "--config", str(here)).out)["read"] == str(here)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[email]\nprot = 25\n", "Did you mean port?"),
        ("[email]\nport = 'x'\n", "email.port"),
        ("[", "is not valid TOML"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_9_and_names_file_and_key(
    cli: Cli, tmp_path: Any, content: str, message: str
) -> None:
    (tmp_path / "config.toml").write_text(content)
    outcome = cli("user", "list")
    assert (outcome.status, outcome.out) == (9, "")
    assert message in outcome.err
    assert "config.toml" in outcome.err
