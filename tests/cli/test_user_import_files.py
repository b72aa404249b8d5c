"""`lback user import` of any table: --inspect, --guess, the plan for a person, and files that are written."""

import json
from pathlib import Path
from typing import Any

from tests.imports.workbooks import workbook

TABLE = (
    "Staff list;;;\n"
    "Benutzername;E-Mail;Passwort;Abteilung\n"
    "ann;ann@example.org;purple giraffes yodel;Küche\n"
    "bob;bob@example.org;;\n"
)
COMMAND = (
    "lback user import staff.csv --format csv --delimiter ';' --encoding cp1252 --skip-lines 1 "
    "--map username=Benutzername,email=E-Mail,password=Passwort --ignore Abteilung --plan"
)


def result(outcome: Any) -> Any:
    """Return what a command with ``-o json`` printed."""
    return json.loads(outcome.out)


def test_inspection_shows_columns_without_secrets_and_the_command_to_run(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_bytes(TABLE.encode("cp1252"))
    status, out, err = cli("user", "import", "staff.csv", "--inspect")
    assert status == 0
    assert out == (
        "column        becomes    sample\n"
        "Benutzername  username   ann, bob\n"
        "E-Mail        email      ann@example.org, bob@example.org\n"
        "Passwort      password   ********\n"
        "Abteilung     (ignored)  Küche\n"
    )
    assert err == f"CSV, Windows-1252, semicolons between the columns, 1 skipped line.\nRun: {COMMAND}\n"
    shown = cli("user", "import", "staff.csv", "--inspect", "-o", "json")
    found = result(shown)
    assert (found["encoding"], found["delimiter"], found["skipped_lines"]) == ("Windows-1252", ";", 1)
    assert (found["command"], found["problem"]) == (COMMAND, None)
    assert "giraffes" not in out + err + shown.out
    assert result(cli("user", "list", "-o", "json")) == []


def test_inspection_finds_out_the_format(cli: Any, tmp_path: Path) -> None:
    user = {"username": "ann", "email": "ann@example.org", "enabled": True}
    realm = json.dumps({"realm": "demo", "users": [user]})
    for name, content, expected in (
        ("realm.json", realm, ("keycloak", "lback user import realm.json --from keycloak --plan")),
        ("users", json.dumps([user]), ("json", "lback user import users --format json --map is_active=enabled --plan")),
        ("users.txt", "ann:$2y$05$abc\n", ("htpasswd", "lback user import users.txt --from htpasswd --plan")),
    ):
        (tmp_path / name).write_text(content)
        shown = cli("user", "import", name, "--inspect", "-o", "json")
        assert (shown.status, result(shown)["format"], result(shown)["command"]) == (0, *expected)
    assert result(cli("user", "import", "-", "--inspect", "-o", "json", input=realm))["format"] == "keycloak"


def test_inspection_names_what_is_still_missing(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("Login,Notes\nann,x\n")
    status, _, err = cli("user", "import", "users.csv", "--inspect")
    assert status == 0
    assert err.endswith(
        "With these options it cannot be imported yet. line 1: the column 'email' is missing. Add --map email=COLUMN.\n"
    )


def test_table_that_is_unlike_csv_is_refused_with_options_that_work(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_bytes(TABLE.encode("cp1252"))
    command = ("user", "import", "staff.csv", "--mail", "none")
    status, out, err = cli(*command)
    assert (status, out) == (7, "")
    assert err == (
        "error: Line 3 is not UTF-8. The file seems to have semicolons, the encoding Windows-1252 and a line before "
        "the names of the columns: add --delimiter ';' --encoding cp1252 --skip-lines 1.\n"
        "       --guess accepts that, and --inspect shows what it would read.\n"
    )
    dialect = ("--delimiter", ";", "--encoding", "cp1252", "--skip-lines", "1")
    status, _, err = cli(*command, *dialect)
    assert status == 7
    assert "Add --map username=Benutzername,email=E-Mail,password=Passwort --ignore Abteilung" in err
    assert result(cli("user", "list", "-o", "json")) == []
    (tmp_path / "map").write_text("username=Benutzername\nemail=E-Mail\npassword=Passwort\n")
    assert result(cli(*command, *dialect, "--map-file", "map", "--ignore", "all", "-o", "json"))["created"] == 2


def test_guess_is_shown_and_plan_lists_changes(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_bytes(TABLE.encode("cp1252"))
    imported = cli("user", "import", "staff.csv", "--guess", "--mail", "none", "-o", "json")
    guessed = COMMAND.partition("--delimiter")[2].removesuffix(" --plan")
    assert (imported.status, imported.err.splitlines()[0]) == (0, f"Guessed: --delimiter{guessed}")
    assert cli("group", "create", "kitchen").status == 0
    (tmp_path / "more.csv").write_text(
        "username,email,groups,is_active\nann,ann@example.net,kitchen,\ncy,cy@example.org,kitchen,no\nbob,,,no\nbob,,,no\n"
    )
    status, out, err = cli("user", "import", "more.csv", "--if-exists", "update", "--plan", "--mail", "none")
    assert status == 0
    assert err == (
        "This is what would change. Nothing was changed.\n"
        "~ ann  email ann@example.org → ann@example.net, +kitchen\n"
        "+ cy  cy@example.org, +kitchen\n"
        "~ bob  deactivated\n"
    )
    assert "cannot log in         inactive 2 (cy, bob)\n                      unverified 1 (ann)\n" in out
    plan = tmp_path / "plan"
    assert cli("user", "import", "more.csv", "--if-exists", "update", "--plan-file", str(plan)).status == 0
    rows = [json.loads(line) for line in plan.read_text().splitlines()[1:-1]]
    assert [(row["username"], row["outcome"], sorted(row.get("changes", ()))) for row in rows] == [
        ("ann", "updated", ["email", "groups"]),
        ("cy", "created", []),
        ("bob", "updated", ["is_active"]),
        ("bob", "skipped", []),
    ]


def test_rejects_come_in_with_the_option_that_their_message_advises(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("Login,email,groups\nann,ann@x.org,My App\nbob,bob@x.org,editors\n")
    command = ("user", "import", "users.csv", "--map", "username=Login", "--mail", "none", "--rejects", "rejects.csv")
    assert cli(*command).status == 8
    rejected = (tmp_path / "rejects.csv").read_text()
    for option in ("--map-group 'My App=my-app'", "--create-groups"):
        assert option in rejected
    again = cli(
        "user",
        "import",
        "rejects.csv",
        "--map-group",
        "My App=my-app",
        "--create-groups",
        "--mail",
        "none",
        "--rejects",
        "more.csv",
        "-o",
        "json",
    )
    assert (again.status, result(again)["created"], result(again)["created_groups"]) == (0, 2, ["my-app", "editors"])
    assert not (tmp_path / "more.csv").exists()


def test_workbook_is_imported(cli: Any, tmp_path: Path) -> None:
    rows = [["Staff of 2026"], [], ["Login", "E-Mail"], ["ann", "ann@example.org"]]
    workbook(tmp_path / "staff.xlsx", rows, sheets=("Staff", "Notes"))
    imported = result(cli("user", "import", "staff.xlsx", "--guess", "--mail", "none", "-o", "json"))
    assert (imported["created"], imported["left_out"]) == (1, {"other sheets": 1})
    shown = result(cli("user", "import", "staff.xlsx", "--inspect", "-o", "json"))
    assert shown["command"] == (
        "lback user import staff.xlsx --format xlsx --skip-lines 2 --map username=Login,email=E-Mail --plan"
    )


def undo_line(out: str) -> str:
    """Return the message with the command that undoes the import whose result is *out*."""
    return f"'lback undo --import {out.rpartition('job')[2].split()[0][:8]}' undoes this import.\n"


def test_unverified_users_are_announced_with_the_way_to_vouch_for_them(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("ann:$2b$05$QKKICywrGSCxXpONg2Qu7upj6tY4V/40JbWcy/62DF6l.Et.xbE.m\n")
    command = ("user", "import", "users", "--from", "htpasswd", "--email-domain", "example.org")
    status, out, err = cli(*command)
    assert status == 0
    assert err == (
        "Imported.\n1 user cannot log in until the address is verified. If you vouch for the addresses, import the "
        f"file again with --if-exists update --assume-verified.\n{undo_line(out)}"
    )
    assert "cannot log in  unverified 1 (ann)\n" in out
    status, out, err = cli(*command, "--if-exists", "update", "--assume-verified")
    assert (status, err, "cannot log in" in out) == (0, f"Imported.\n{undo_line(out)}", False)


def test_many_created_groups_are_one_line_for_a_person_and_all_for_a_program(cli: Any, tmp_path: Path) -> None:
    names = [f"g{number}" for number in range(8)]
    (tmp_path / "users.csv").write_text(f"username,email,groups\nann,ann@x.org,{';'.join(names)}\n")
    command = ("user", "import", "users.csv", "--create-groups", "--mail", "none")
    assert result(cli(*command, "--plan", "-o", "json"))["created_groups"] == names
    (line,) = (line for line in cli(*command, "-q").out.splitlines() if "g0" in line)
    assert line.split(maxsplit=2)[2] == "8 (g0, g1, g2, g3, g4, ...)"


def test_misread_text_is_a_warning(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("username,email,display_name\nada,ada@example.org,JÃ¼rgen\n", encoding="utf-8")
    message = "1 row looks as if UTF-8 was read as Windows-1252 (line 2: 'JÃ¼rgen' for 'Jürgen')."
    assert f"{message} An earlier program" in cli("user", "import", str(file), "--inspect").err
    assert f"warning: {message}" in cli("user", "import", str(file), "--plan").err
    imported = cli("-o", "json", "user", "import", str(file), "--mail", "none")
    warnings = [json.loads(line)["warning"] for line in imported.err.splitlines() if line.startswith("{")]
    assert [warning["message"] for warning in warnings] == [message]


def test_guess_that_leaves_all_users_active_is_a_warning(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("username,email,user_inactive_reason\nada,ada@example.org,3\n", encoding="utf-8")
    note = "The column 'user_inactive_reason' is not read as is_active: it may say who is active; "
    guessed = cli("user", "import", str(file), "--guess", "--plan").err.splitlines()
    assert guessed[:2] == [
        "Guessed: --ignore user_inactive_reason",
        f"warning: {note}without it all users are active. --map is_active=COLUMN reads another column.",
    ]
    file.write_text("username,email,user_inactive_reason,active\nada,ada@example.org,3,no\n", encoding="utf-8")
    assert "warning" not in cli("user", "import", str(file), "--guess", "--plan").err
