"""docs/signals.md is what the catalogue says."""

import re
from pathlib import Path
from typing import Any

import pytest
from blinker import ANY

from lback_cli import OperationRejected, Settings, UserManager
from lback_cli.models import Group
from lback_cli.operations import kinds
from lback_cli.operations.kinds import OperationKind
from lback_cli.settings import DatabaseSettings, EmailSettings, PasswordSettings
from lback_cli.signals import CATALOGUE, SignalSpec
from lback_cli.signals.document import COURSES, OperationSteps, render

PAGE = Path(__file__).parents[2] / "docs" / "signals.md"
KINDS = {kind.name: kind for kind in vars(kinds).values() if isinstance(kind, OperationKind)}


def section(title: str) -> str:
    _, _, rest = PAGE.read_text("utf-8").partition(f"\n### {title}\n")
    return re.split(r"\n##+ ", rest)[0]


def test_the_page_is_up_to_date() -> None:
    command = "python -c \"from lback_cli.signals.document import render; print(render(), end='')\" > docs/signals.md"

    assert PAGE.read_text("utf-8") == render(), f"run: {command}"


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=lambda spec: spec.name)
def test_a_signal_has_a_section_with_everything_that_is_promised_of_it(spec: SignalSpec) -> None:
    text = section(spec.name)

    assert spec.when in text
    for argument in spec.all_arguments:
        assert f"| `{argument.name}` | `{argument.annotation}` | {argument.meaning} |" in text.replace("\\|", "|")
    for word, meaning in spec.words.items():
        assert f"| `{word}` | {meaning} |" in text
    assert text.count("\n| `") == len(spec.all_arguments) + len(spec.words)


def test_every_operation_has_a_section() -> None:
    assert {course.operation for course in COURSES} == set(KINDS)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.operation)
def test_an_operation_shows_its_signals_from_the_first_to_the_last(course: OperationSteps) -> None:
    kind = KINDS[course.operation]
    *shown, failed = re.findall(r"\[`(\w+)`\]\(#\1\)", section(course.operation))
    steps = section(course.operation).splitlines()

    assert failed == kind.failed.name
    assert (shown[0] if kind.started else None) == (kind.started.name if kind.started else None)
    assert any(kind.succeeded.name in step for step in steps[-4:-2]), "the success signal comes right before the commit"
    assert steps[-3].endswith(". commit")


def test_every_signal_is_part_of_some_operation() -> None:
    shown = {
        name for course in COURSES for name in re.findall(r"`(\w+)`", " ".join([*course.steps, f"`{course.failed}`"]))
    }

    assert shown == set(CATALOGUE)


def test_the_example_does_what_it_says(tmp_path: Path) -> None:
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
