"""docs/signals.md is generated from the catalogue."""

import re
from pathlib import Path
from typing import Any

import pytest
from blinker import ANY

from lback_cli import OperationRejected, Settings, UserManager
from lback_cli.models import Group
from lback_cli.operations import kinds
from lback_cli.operations.kinds import OPERATIONS, OperationKind
from lback_cli.settings import DatabaseSettings, EmailSettings, PasswordSettings
from lback_cli.signals import CATALOGUE, SignalSpec
from tools.generate_signal_docs import FILE, render


def section(title: str) -> str:
    _, _, rest = FILE.read_text("utf-8").partition(f"\n### {title}\n")
    return re.split(r"\n##+ ", rest)[0]


def test_page_is_up_to_date() -> None:
    assert FILE.read_text("utf-8") == render(), "run: python tools/generate_signal_docs.py"


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=lambda spec: spec.name)
def test_each_signal_has_a_complete_section(spec: SignalSpec) -> None:
    text = section(spec.name)

    assert spec.when in text
    for argument in spec.all_arguments:
        assert f"| `{argument.name}` | `{argument.annotation}` | {argument.meaning} |" in text.replace("\\|", "|")
    for reason, meaning in spec.reasons.items():
        assert f"| `{reason}` | {meaning} |" in text
    assert text.count("\n| `") == len(spec.all_arguments) + len(spec.reasons)


def test_each_operation_is_listed_and_has_a_section() -> None:
    assert set(OPERATIONS) == {kind for kind in vars(kinds).values() if isinstance(kind, OperationKind)}
    assert all(section(operation.name) for operation in OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_operation_shows_its_signals_in_order(operation: OperationKind) -> None:
    *shown, failed = re.findall(r"\[`(\w+)`\]\(#\1\)", section(operation.name))
    steps = section(operation.name).strip().splitlines()[:-2]

    if operation.started is not None:
        assert shown[0] == operation.started.name
    assert operation.succeeded.name in steps[-2], "the success signal comes right before the commit"
    assert steps[-1] == f"{len(steps)}. Commit."
    assert failed == operation.failed.name


def test_each_signal_is_part_of_an_operation() -> None:
    shown = {name for operation in OPERATIONS for name in re.findall(r"\[`(\w+)`\]", section(operation.name))}

    assert shown == set(CATALOGUE)


def test_example_works(tmp_path: Path) -> None:
    settings = Settings(
        database=DatabaseSettings(url="sqlite://"),
        email=EmailSettings(directory=tmp_path),
        password=PasswordSettings(memory=64, iterations=1, parallelism=1),
    )
    manager = UserManager.from_settings(settings)
    example = re.search(r"```python\n(.*?)```", render(), re.DOTALL)
    assert example is not None

    def mailbox(owner_id: int) -> Group:
        now = manager._services.now()
        return Group(name=f"mailbox of {owner_id}", created_at=now, updated_at=now)

    receivers: dict[str, Any] = {"Mailbox": mailbox}
    exec(example[1], receivers)  # the page's own example

    with pytest.raises(OperationRejected, match=r"Only addresses at example\.org"):
        manager.register_user("eve", "eve@example.com", "correct horse battery staple")
    user = manager.register_user("ann", "ann@example.org", "correct horse battery staple")

    with manager._database.reading() as session:
        assert f"mailbox of {user.id}" in {group.name for group in session.query(Group)}
    for spec in CATALOGUE.values():
        for receiver in list(spec.signal.receivers_for(ANY)):
            spec.signal.disconnect(receiver)
