"""Every attribute of a user appears everywhere, including one that is only added to `lback_cli.attributes`."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lback_cli import attributes
from lback_cli.attributes import BUILT_IN, Attribute

from .cli.conftest import Outcome, cli  # noqa: F401 - a fixture

PASSWORD = "purple giraffes yodel at dusk"
NEW_PASSWORD = "green zebras hum before noon"

DECLARED = {"phone": "text", "badge": "integer", "vip": "boolean", "born": "date"}
CONFIGURATION = "".join(f'[attributes.{name}]\ntype = "{type_}"\n' for name, type_ in DECLARED.items())

DUMMY = Attribute("shoe_size", "integer", "An attribute that is in the list and nowhere else.")

VALUES: dict[str, tuple[Any, Any]] = {
    "text": ('=Ann "Ö", O\'Hara', "'+Bea; 1"),
    "integer": (7, -12),
    "boolean": (True, False),
    "date": ("2026-01-31", "1999-12-31"),
}
"""Two values of each type."""


@dataclass(frozen=True)
class Case:
    """The options that set and change an attribute, and both values in results."""

    name: str
    register: tuple[str, ...]
    update: tuple[str, ...]
    old: Any
    new: Any
    matches: tuple[str, ...] = ()
    changes: Any = None
    after: str = "ann"
    declared: bool = False

    def value(self, user: dict[str, Any]) -> Any:
        """Return the value of the attribute in a result."""
        return user["attributes"].get(self.name) if self.declared else user[self.name]


WITH_OPTIONS = {
    "username": Case("username", (), ("--username", "bea"), "ann", "bea", ("--search", "bea"), after="bea"),
    "email": Case(
        "email", (), ("--email", "bea@example.org"), "ann@example.org", "bea@example.org", ("--search", "bea@")
    ),
    "is_active": Case("is_active", (), ("--deactivate",), True, False, ("--inactive",)),
    "is_email_verified": Case("is_email_verified", ("--verified",), ("--unverified",), True, False, ("--unverified",)),
    "groups": Case(
        "groups",
        (),
        ("--add-group", "staff"),
        ["basic_user"],
        ["basic_user", "staff"],
        ("--group", "staff"),
        ({"added": ["basic_user"], "removed": []}, {"added": ["staff"], "removed": []}),
    ),
    "password": Case("password", (), ("--password-stdin",), "set", "set", (), ("set", "changed")),
}
"""The attributes that have options of their own; all others are set with ``--set``."""


def case_of(name: str, type_: str, *, declared: bool) -> Case:
    if name in WITH_OPTIONS:
        return WITH_OPTIONS[name]
    old, new = VALUES[type_]
    words = [value if isinstance(value, str) else json.dumps(value) for value in (old, new)]
    given, changed = (f"{name}={word}" for word in words)
    return Case(name, ("--set", given), ("--set", changed), old, new, ("--where", changed), declared=declared)


CASES = [
    *(case_of(attribute.name, attribute.type, declared=False) for attribute in (*BUILT_IN, DUMMY)),
    *(case_of(name, type_, declared=True) for name, type_ in DECLARED.items()),
]

Run = Callable[..., Outcome]


@pytest.fixture
def run(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: F811 - the fixture
    """Run `lback`, with more attributes, and require that it succeeds unless *status* says otherwise."""
    monkeypatch.setattr(attributes, "BUILT_IN", (*BUILT_IN, DUMMY))
    (tmp_path / "config.toml").write_text(CONFIGURATION)

    def run(*words: str, status: int = 0, **options: Any) -> Outcome:
        outcome = cli(*words, **options)
        assert outcome.status == status, outcome
        return outcome

    return run


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """An attribute."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def register(run: Run, case: Case) -> Callable[[], dict[str, Any]]:
    """Register ann, who has the old value, and return her as the result shows her."""

    def register() -> dict[str, Any]:
        run("group", "create", "staff")
        command = ("user", "register", "ann", "--email", "ann@example.org", "--password-stdin", "-o", "json")
        return json.loads(run(*command, *case.register, input=PASSWORD).out)  # type: ignore[no-any-return]

    return register


@pytest.fixture
def update(run: Run, case: Case) -> Callable[[], dict[str, Any]]:
    """Give ann the new value, and return her as the result shows her."""

    def update() -> dict[str, Any]:
        outcome = run("user", "update", "ann", "-o", "json", *case.update, input=NEW_PASSWORD)
        return json.loads(outcome.out)  # type: ignore[no-any-return]

    return update


def test_results_show_the_attribute(run: Run, case: Case, register: Any, update: Any) -> None:
    assert case.value(register()) == case.old
    assert case.value(update()) == case.new
    assert case.value(json.loads(run("user", "show", case.after, "-o", "json").out)) == case.new
    assert case.value(yaml.safe_load(run("user", "show", case.after, "-o", "yaml").out)) == case.new
    (listed,) = json.loads(run("user", "list", "-o", "json").out)
    assert case.value(listed) == case.new
    (row,) = csv.DictReader(io.StringIO(run("user", "list", "-o", "csv").out))
    assert case.name in row
    label = case.name.removeprefix("is_").replace("_", " ")
    assert label in run("user", "show", case.after).out


def test_list_and_export_are_filtered_by_the_attribute(run: Run, case: Case, register: Any, update: Any) -> None:
    if not case.matches:
        pytest.skip("No filter is about passwords.")
    register()
    assert json.loads(run("user", "list", "-o", "json", *case.matches).out) == []
    assert run("user", "export", "--format", "jsonl", *case.matches).out == ""
    update()
    (found,) = json.loads(run("user", "list", "-o", "json", *case.matches).out)
    assert case.value(found) == case.new
    (line,) = run("user", "export", "--format", "jsonl", *case.matches).out.splitlines()
    assert json.loads(line)["username"] == case.after


def test_events_record_the_attribute(run: Run, case: Case, register: Any, update: Any) -> None:
    register()
    update()
    events = json.loads(run("user", "history", case.after, "-o", "json").out)
    recorded = {event["signal"]: event["data"]["changes"][case.name] for event in events}
    created, changed = case.changes or ({"to": case.old}, {"from": case.old, "to": case.new})
    assert recorded == {"user_registered": created, "user_updated": changed}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_import_of_an_export_restores_it(run: Run, case: Case, register: Any, update: Any, form: str) -> None:
    register()
    update()
    other = ("--database-url", "sqlite:///other.db")
    run("user", "export", "--with-hashes", "--file", f"users.{form}")
    run(*other, "db", "init")
    run(*other, "group", "create", "staff")
    run(*other, "user", "import", f"users.{form}", "--mail", "none")
    assert case.value(json.loads(run(*other, "user", "show", case.after, "-o", "json").out)) == case.new
    exports = [run(*words, "user", "export", "--with-hashes", "--format", form).out for words in ((), other)]
    assert exports[0] == exports[1]


def test_a_file_for_apply_has_it(run: Run, case: Case, register: Any, update: Any) -> None:
    register()
    update()
    run("user", "export", "--to", "apply", "--file", "users.yaml")
    assert run("apply", "users.yaml", "--drift").err == "Nothing differs.\n"
    if case.name != "password":
        other = ("--database-url", "sqlite:///other.db")
        run(*other, "db", "init")
        run(*other, "apply", "users.yaml", "--yes")
        assert case.value(json.loads(run(*other, "user", "show", case.after, "-o", "json").out)) == case.new


def test_plan_detects_a_change_of_the_attribute(run: Run, lback: Any, case: Case, register: Any, update: Any) -> None:
    register()
    Path("users.csv").write_text("username,email\nann,ann@example.org\n")
    plan = ("user", "import", "users.csv", "--if-exists", "update", "--plan-file")
    run(*plan, "plan")
    with closing(sqlite3.connect(lback.database)) as database, database:
        ((before,),) = database.execute("SELECT updated_at FROM users")
    update()
    with closing(sqlite3.connect(lback.database)) as database, database:
        # Without this, the plan would detect the time of the change.
        database.execute("UPDATE users SET updated_at = ?", (before,))
    assert "out of date" in run("user", "import", "--apply", "plan", status=6).err
    assert case.value(json.loads(run("user", "show", case.after, "-o", "json").out)) == case.new


def test_copy_of_the_database_has_the_attribute(run: Run, case: Case, register: Any, update: Any) -> None:
    register()
    before = update()
    run("db", "copy", "--to", "sqlite:///copy.db")
    copied = json.loads(run("--database-url", "sqlite:///copy.db", "user", "show", case.after, "-o", "json").out)
    assert copied == {name: value for name, value in before.items() if name in copied}
    assert case.value(copied) == case.new


def test_an_erasure_leaves_no_value(run: Run, lback: Any, case: Case, register: Any, update: Any) -> None:
    register()
    update()
    assert list(_rows(lback.database)) != []
    run("user", "erase", case.after, f"--confirm={case.after}")
    assert list(_rows(lback.database)) == []


def _rows(path: Path) -> Iterator[Any]:
    """Yield the rows and the events of users."""
    with closing(sqlite3.connect(path)) as database:
        for table in ("users", "user_groups_association", "lback_user_attributes"):
            yield from database.execute(f"SELECT * FROM {table}")
        yield from database.execute("SELECT data FROM lback_events WHERE subject IS NOT NULL AND data IS NOT NULL")
