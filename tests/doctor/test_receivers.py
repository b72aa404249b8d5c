"""Receivers that can be connected, and receivers that stop every command."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.receivers import check_receivers
from lback_cli.doctor.result import CheckResult
from lback_cli.errors import ConfigurationError
from lback_cli.settings import ReceiverSettings
from lback_cli.signals import CATALOGUE

from .harness import results_of

MakeContext = Callable[..., CheckContext]

PLUGIN = (
    "from lback_cli.signals import user_registered\n"
    "print('loud')\n"
    "open({mark!r}, 'a').write('imported ')\n"
    "@user_registered.connect\n"
    "def mark(*_, **__): open({mark!r}, 'a').write('run ')\n"
)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Write a module that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text.format(mark=str(tmp_path / "mark")))
        return name

    return write


def test_plugin_is_imported_in_another_process_and_not_run(
    make_context: MakeContext, tmp_path: Path, plugin: Callable[[str, str], str]
) -> None:
    settings = make_context(receivers=ReceiverSettings(modules=(plugin("doctor_plugin", PLUGIN),))).settings
    assert results_of(settings)["receivers"] == CheckResult("receivers", "ok", "1 receiver can be connected.")
    assert (tmp_path / "mark").read_text() == "imported "
    assert "doctor_plugin" not in sys.modules
    assert not any(spec.signal.receivers for spec in CATALOGUE.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "raise RuntimeError('no')",
            "Cannot import the receivers in {name} (receivers.modules from code): RuntimeError: no.",
        ),
        ("import os; os._exit(7)", "Importing the receivers ends the process with exit code 7."),
        ("x = 1", "The module {name} (receivers.modules from code) connects no receiver when it is imported."),
    ],
)
def test_plugin_that_stops_commands_fails(
    make_context: MakeContext, plugin: Callable[[str, str], str], text: str, message: str
) -> None:
    name = plugin("doctor_broken", text)
    found = results_of(make_context(receivers=ReceiverSettings(modules=(name,))).settings)["receivers"]
    assert (found.status, found.message) == ("fail", message.format(name=name))
    assert found.hint


def test_missing_module_fails_as_a_command_would_unless_receivers_are_off(make_context: MakeContext) -> None:
    settings = make_context(receivers=ReceiverSettings(modules=("no.such",))).settings
    assert results_of(settings)["receivers"] == CheckResult(
        "receivers",
        "fail",
        "Cannot import the receivers in no.such (receivers.modules from code): there is no such module.",
        "Repair or remove it, or run without receivers: --no-receivers",
    )
    assert results_of(settings, receivers=False)["receivers"] == CheckResult(
        "receivers", "skipped", "Not checked: --no-receivers was given."
    )


def test_hooks_are_checked_and_not_run(make_context: MakeContext, tmp_path: Path) -> None:
    directory = tmp_path / "hooks" / "user_registered"
    directory.mkdir(parents=True)
    for path in (directory, directory.parent):
        path.chmod(0o755)
    context = make_context(receivers=ReceiverSettings(hooks_directory=directory.parent))
    assert check_receivers(context) == CheckResult("receivers", "ok", "There are no receivers.")
    hooks = [directory / "10-first", directory / "20-second"]
    for hook in hooks:
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    assert check_receivers(context) == CheckResult("receivers", "ok", "2 receivers can be connected.")
    hooks[0].chmod(0o757)
    with pytest.raises(ConfigurationError) as caught:
        check_receivers(context)
    assert (caught.value.message, caught.value.hint) == (
        f"receivers.hooks_directory: others can write to {hooks[0]}.",
        f"Use --no-receivers to run without hooks. Run: chmod go-w {hooks[0]}",
    )
    assert not (tmp_path / "ran").exists()


def test_missing_hooks_directory_fails(make_context: MakeContext) -> None:
    settings = make_context(receivers=ReceiverSettings(hooks_directory=Path("/nope"))).settings
    found = results_of(settings)["receivers"]
    assert (found.status, found.message.partition(":")[0]) == ("fail", "receivers.hooks_directory")
