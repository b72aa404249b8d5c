"""All checks together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.doctor.runner import require_all_passed, run_checks
from lback_cli.errors import ConfigurationError, Unusable
from lback_cli.problem import Problem

from .harness import results_of

MakeContext = Callable[..., CheckContext]


def test_unreadable_configuration_fails_and_skips_the_checks_that_need_it() -> None:
    def load() -> Any:
        raise ConfigurationError("Cannot read it.", hint="Fix it.")

    results = list(run_checks(load))
    assert results[0] == CheckResult("configuration", "fail", "Cannot read it.", "Fix it.")
    assert [result for result in results if result.status == "skipped"] == [
        CheckResult(name, "skipped", "Not checked: the configuration cannot be read.")
        for name in (
            *("files", "mail", "receivers", "sinks", "database", "schema", "rights", "encoding", "collation"),
            *("isolation", "clock", "events", "delivery", "application"),
        )
    ]
    assert [result.check for result in results if result.status == "ok"] == ["packages", "hashing"]


def test_unexpected_error_in_a_check_fails_it_and_the_others_still_run(make_context: MakeContext) -> None:
    nonsense: Any = None
    broken = replace(make_context().settings, password=nonsense)
    results = results_of(broken)
    assert len(results) == 17
    assert {name for name, result in results.items() if result.status == "fail"} == {
        "configuration",
        "files",
        "hashing",
    }
    assert results["hashing"].message.startswith("AttributeError: ")


def test_messages_and_hints_of_several_problems_are_joined() -> None:
    errors = [Problem("One.", "Run: a"), Problem("Two.", "Run: b"), Problem("Three.", "Run: b"), Problem("Four.")]
    assert evaluate("it", "Fine.", errors=errors, warnings=[Problem("Five.", "Wait.")]) == CheckResult(
        "it", "fail", "One. Two. Three. Four. Five.", "Run: a; b; Wait."
    )
    assert evaluate("it", "Fine.", warnings=[Problem("Five.", "Wait."), Problem("Six.", "Then wait.")]) == CheckResult(
        "it", "warn", "Five. Six.", "Wait. Then wait."
    )
    assert evaluate("it", "Fine.") == CheckResult("it", "ok", "Fine.")


def test_failed_checks_are_counted_and_named() -> None:
    passed = [CheckResult("a", "ok", ""), CheckResult("b", "warn", "")]
    require_all_passed(passed)
    with pytest.raises(Unusable) as caught:
        require_all_passed([*passed, CheckResult("c", "fail", ""), CheckResult("d", "fail", "")])
    assert caught.value.message == "2 checks failed: c, d."
