"""docs/requirements.md and the code agree."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from lback_cli.operations import kinds
from lback_cli.operations.kinds import OperationKind
from lback_cli.signals import CATALOGUE

PAGE = (Path(__file__).parents[2] / "docs" / "requirements.md").read_text("utf-8")
ARGUMENT = re.compile(r"^- `(\w+)` \(`([^`]+)`(, optional)?\)", re.MULTILINE)


@dataclass(frozen=True)
class Required:
    """What the page says about one signal."""

    arguments: list[tuple[str, str, bool]]
    known: list[str]
    added: list[str]


def _reasons(label: str, section: str) -> list[str]:
    found = re.search(rf"^{label} reasons: (.+)\.$", section, re.MULTILINE)
    return re.findall(r"`(\w+)`", found[1]) if found else []


def _read() -> dict[str, Required]:
    sections = re.split(r"^#### (\w+)$", PAGE, flags=re.MULTILINE)[1:]
    return {
        name: Required(
            [(argument, type_, bool(optional)) for argument, type_, optional in ARGUMENT.findall(text)],
            _reasons("Known", text),
            _reasons("Added", text),
        )
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


REQUIRED = _read()
EACH_SIGNAL = pytest.mark.parametrize("name", CATALOGUE)


def test_the_page_and_the_catalogue_have_the_same_signals_in_the_same_order() -> None:
    assert list(REQUIRED) == list(CATALOGUE)


@EACH_SIGNAL
def test_a_signal_has_the_arguments_and_types_of_the_page(name: str) -> None:
    declared = [(argument.name, argument.type, argument.optional) for argument in CATALOGUE[name].all_arguments]

    assert declared == REQUIRED[name].arguments


@EACH_SIGNAL
def test_a_signal_has_exactly_the_reasons_of_the_page(name: str) -> None:
    required = REQUIRED[name]

    assert sorted(CATALOGUE[name].reasons) == sorted([*required.known, *required.added])


def test_every_signal_with_reasons_has_known_ones() -> None:
    """A missing or misspelt line of reasons would otherwise read as an empty one."""
    for name, spec in CATALOGUE.items():
        assert bool(REQUIRED[name].known) == bool(spec.reasons), name


def test_documented_operations_are_complete() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| `(\w+)` \| `(\w+)` \|$", PAGE, re.MULTILINE)
    declared = {
        kind.name: (kind.started and kind.started.name, kind.succeeded.name, kind.failed.name)
        for kind in vars(kinds).values()
        if isinstance(kind, OperationKind)
    }
    for name in ("resend_verification", "restore_user"):  # they have no signals of their own
        del declared[name]

    assert len(rows) == len(declared)
    for operation, started, succeeded, failed in rows:
        assert declared[operation] == (None if started == "none" else started.strip("`"), succeeded, failed)
