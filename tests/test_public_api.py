"""The documented names can be imported."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parent.parent
PAGES = [
    PROJECT / "README.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
    *sorted(PROJECT.glob("docs/examples/**/*.py")),
]

FRAMEWORK = "lback_cli.compat.framework"

PUBLIC = [
    "lback_cli.UserManager",
    "lback_cli.Directory",
    "lback_cli.GroupManager",
    "lback_cli.User",
    "lback_cli.Group",
    "lback_cli.Settings",
    "lback_cli.load_settings",
    "lback_cli.LbackError",
    "lback_cli.OperationRejected",
    "lback_cli.__version__",
    "lback_cli.errors.UserNotFound",
    "lback_cli.signals.receiver",
    "lback_cli.signals.user_registered",
    "lback_cli.signals.current_emission",
    "lback_cli.signals.delivered",
    "lback_cli.testing.Sandbox",
    "lback_cli.testing.SignalRecorder",
    "lback_cli.testing.fixtures.sandbox",
    "lback_cli.events.actor.acting_as",
    "lback_cli.receivers.loader.Receivers.connect",
    "lback_cli.receivers.loader.Receivers.close",
    "lback_cli.database.retry.retried",
]


def documented_names() -> Iterator[str]:
    """Every name of the package that a page imports in an example or mentions by its full path."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for module, names in re.findall(r"^from (lback_cli[.\w]*) import ([\w, ]+)", text, re.MULTILINE):
            yield from (f"{module}.{name.strip()}" for name in names.split(","))
        yield from re.findall(r"`(lback_cli(?:\.\w+)+)(?=[`(])", text)


def find(name: str) -> Any:
    """Import the module or attribute *name*. Raises AttributeError."""
    if name.startswith(f"{FRAMEWORK}.") and find_spec("lback") is None:
        # The names need the lback framework; tests/adoption/test_real_framework.py imports them.
        return name if name.removeprefix(f"{FRAMEWORK}.") in import_module(FRAMEWORK).__all__ else None
    found, path = import_module("lback_cli"), "lback_cli"
    for part in name.split(".")[1:]:
        path = f"{path}.{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = import_module(path)
            except ModuleNotFoundError:
                raise AttributeError(name) from None
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_can_be_imported(name: str) -> None:
    assert find(name) is not None


@pytest.mark.parametrize("name", sorted(set(documented_names())))
def test_documented_name_can_be_imported(name: str) -> None:
    assert find(name) is not None


def test_documentation_is_searched_for_names() -> None:
    """The pattern finds names in imports, names in prose and calls in prose."""
    assert {"lback_cli.UserManager", "lback_cli.database.retry.retried", "lback_cli.receivers.loader.Receivers"} <= set(
        documented_names()
    )
