"""The catalogue agrees with docs/requirements.md, and the scenarios cover the catalogue."""

import inspect
import re
from collections.abc import Iterator

import blinker
import pytest

from lback_cli import errors, signals
from lback_cli.cli.exit_codes import exit_code
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations import kinds
from lback_cli.operations.kinds import OperationKind
from lback_cli.signals import CATALOGUE, SignalSpec

from .requirements import ERRORS, OPERATIONS, SIGNALS, TYPES
from .scenario import Scenario
from .scenarios import SCENARIOS

ALL_SIGNALS = pytest.mark.parametrize("name", SIGNALS)
SAME_AS = {"reset_user_password": "reset_password"}
"""The documented operation that another operation counts as."""


def produced() -> Iterator[tuple[str, str]]:
    """Yield each (signal, reason) that a scenario expects."""
    for scenario in SCENARIOS:
        for name, arguments in scenario.signals:
            word = arguments.get("error_type", arguments.get("reason"))
            if word is not None:
                yield name, word


def test_the_22_signals_are_those_required_in_order() -> None:
    assert list(CATALOGUE) == list(SIGNALS)
    assert len(CATALOGUE) == 22


@ALL_SIGNALS
def test_a_signal_has_the_documented_arguments_in_order_and_no_others(name: str) -> None:
    spec = CATALOGUE[name]

    assert tuple(a.name + "?" * a.optional for a in spec.arguments) == SIGNALS[name].arguments
    assert {a.name: a.type for a in spec.arguments} == {a.name: TYPES[a.name] for a in spec.arguments}
    assert [a.name for a in spec.all_arguments] == ["sender", *(a.name for a in spec.arguments)]
    assert all(a.meaning for a in spec.all_arguments)


@ALL_SIGNALS
def test_a_signal_is_public_and_carries_its_documentation(name: str) -> None:
    signal = getattr(signals, name)

    assert isinstance(signal, blinker.NamedSignal)
    assert (signal.name, signal) == (name, CATALOGUE[name].signal)
    assert name in signals.__all__
    assert CATALOGUE[name].when in (signal.__doc__ or "")
    assert all(argument.name in (signal.__doc__ or "") for argument in CATALOGUE[name].all_arguments)


@ALL_SIGNALS
def test_signal_documents_every_required_reason(name: str) -> None:
    spec = CATALOGUE[name]

    assert set(spec.reasons) >= SIGNALS[name].words
    assert all(spec.reasons.values())
    assert bool(spec.reasons) == (spec.reason_argument is not None)


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=lambda spec: spec.name)
def test_scenarios_send_exactly_the_reasons_of_the_catalogue(spec: SignalSpec) -> None:
    assert {word for name, word in produced() if name == spec.name} == set(spec.reasons)


@ALL_SIGNALS
def test_every_signal_is_sent_in_some_scenario(name: str) -> None:
    assert any(name == sent for scenario in SCENARIOS for sent, _ in scenario.signals)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_scenario_has_one_first_and_one_terminal_signal(scenario: Scenario) -> None:
    names = [name for name, _ in scenario.signals]
    method = SAME_AS.get(scenario.call.method, scenario.call.method)
    if method == "resend_verification":
        assert len(names) == 1 + (
            scenario.own_only is not None or "veto" in scenario.id or "interrupted" in scenario.id
        )
        return
    documented = OPERATIONS[method]
    ends = [name for name in names if name in {documented.succeeded, documented.failed}]
    progress = [name for name in documented.progress if name in names]
    # A success is followed by a failure only if its receiver or the commit fails.
    success_is_followed_by_failure = len(ends) == 2

    assert names == [*([documented.started] if documented.started else []), *progress, *ends]
    assert ends[-1] == (documented.succeeded if scenario.code is None else documented.failed)
    assert not success_is_followed_by_failure or ends == [documented.succeeded, documented.failed]


def test_scenario_ids_are_unique() -> None:
    assert len({scenario.id for scenario in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_its_documented_signals_and_takes_a_session(name: str) -> None:
    kind: OperationKind = getattr(kinds, name.upper())
    documented = OPERATIONS[name]

    assert kind.name == name
    assert (kind.started.name if kind.started else None) == documented.started
    assert (kind.succeeded.name, kind.failed.name) == (documented.succeeded, documented.failed)
    progress = [signal for step in kind.steps for signal in re.findall(r"`(\w+)`", step)]
    assert tuple(signal for signal in progress if signal in documented.progress) == documented.progress
    session = inspect.signature(getattr(UserManager, name)).parameters["session"]
    assert (session.kind, session.default) == (inspect.Parameter.KEYWORD_ONLY, None)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_documented_outcome_of_an_operation_is_in_the_table(name: str) -> None:
    kind: OperationKind = getattr(kinds, name.upper())
    of_this = {scenario.id for scenario in SCENARIOS if scenario.call.method == name}
    sent = {
        arguments.get("error_type", arguments.get("reason"))
        for scenario in SCENARIOS
        if scenario.id in of_this
        for signal, arguments in scenario.signals
        if signal == kind.failed.name
    }
    # Reasons that only another operation with the same failure signal has.
    elsewhere = {
        "verify_user_email": {"user_not_found", "email_send_failed"},
        "reset_password": {"user_not_found"},
    }

    assert sent == set(CATALOGUE[kind.failed.name].reasons) - elsewhere.get(name, set())


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_has_its_class_and_exit_code(code: str) -> None:
    name, status = ERRORS[code]
    kind = getattr(errors, name)

    assert kind.code == code
    assert exit_code(kind.__new__(kind)) == status
    assert any(scenario.code == code for scenario in SCENARIOS), "some scenario raises it"
