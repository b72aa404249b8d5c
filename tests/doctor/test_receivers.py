"""Receivers that stop every command, or that would be connected."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.receivers import check_receivers
from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import Doctor
from lback_cli.errors import ConfigurationError
from lback_cli.settings import ReceiverSettings
from lback_cli.signals import CATALOGUE

Admit = Callable[..., CheckContext]

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


def examined(patient: CheckContext, *, receivers: bool = True) -> CheckResult:
    findings = Doctor(lambda: patient.settings, receivers=receivers).run_checks()
    return next(finding for finding in findings if finding.check == "receivers")


def test_a_plugin_is_imported_elsewhere_and_not_run(
    admit: Admit, tmp_path: Path, plugin: Callable[[str, str], str]
) -> None:
    patient = admit(receivers=ReceiverSettings(modules=(plugin("doctor_plugin", PLUGIN),)))
    assert examined(patient) == CheckResult("receivers", "ok", "One can be connected.")
    assert (tmp_path / "mark").read_text() == "imported "
    assert "doctor_plugin" not in sys.modules
    assert not any(spec.signal.receivers for spec in CATALOGUE.values())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "raise RuntimeError('no')",
            "Cannot import the receivers in {name} (receivers.modules from code): RuntimeError: no.",
        ),
        ("import os; os._exit(7)", "To import the receivers ends the process, with exit code 7."),
        ("x = 1", "The module {name} (receivers.modules from code) connects no receiver when it is imported."),
    ],
)
def test_a_plugin_that_stops_commands_fails(
    admit: Admit, plugin: Callable[[str, str], str], text: str, what: str
) -> None:
    name = plugin("doctor_broken", text)
    found = examined(admit(receivers=ReceiverSettings(modules=(name,))))
    assert (found.status, found.message) == ("fail", what.format(name=name))
    assert found.hint


def test_a_module_that_is_not_there_fails_as_a_command_does(admit: Admit) -> None:
    patient = admit(receivers=ReceiverSettings(modules=("no.such",)))
    assert examined(patient) == CheckResult(
        "receivers",
        "fail",
        "Cannot import the receivers in no.such (receivers.modules from code): there is no such module.",
        "Mend it or take it out, or run without any receivers: --no-receivers",
    )
    assert examined(patient, receivers=False) == CheckResult(
        "receivers", "skipped", "Not checked, as --no-receivers does without them."
    )


def test_hooks_are_looked_at_and_not_run(admit: Admit, tmp_path: Path) -> None:
    place = tmp_path / "hooks" / "user_registered"
    place.mkdir(parents=True)
    for directory in (place, place.parent):
        directory.chmod(0o755)
    patient = admit(receivers=ReceiverSettings(hooks_directory=place.parent))
    assert examined(patient) == CheckResult("receivers", "ok", "There are none.")
    hooks = [place / "10-first", place / "20-second"]
    for hook in hooks:
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    assert examined(patient) == CheckResult("receivers", "ok", "All 2 can be connected.")
    hooks[0].chmod(0o757)
    with pytest.raises(ConfigurationError) as caught:
        check_receivers(patient)
    assert (caught.value.message, caught.value.hint) == (
        f"receivers.hooks_directory: others can write to {hooks[0]}.",
        f"--no-receivers does without them. Run: chmod go-w {hooks[0]}",
    )
    assert not (tmp_path / "ran").exists()


def test_a_directory_of_hooks_that_is_not_there_fails(admit: Admit) -> None:
    found = examined(admit(receivers=ReceiverSettings(hooks_directory=Path("/nope"))))
    assert (found.status, found.message.partition(":")[0]) == ("fail", "receivers.hooks_directory")
