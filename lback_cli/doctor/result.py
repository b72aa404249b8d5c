"""The result of a check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lback_cli.problem import Problem

Status = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report: the name of the *check*, its outcome, and a *hint* if the user should act."""

    check: str
    status: Status
    message: str
    hint: str | None = None


class NotChecked(Exception):  # noqa: N818 - not an error: it skips the check
    """The check cannot run. The message is the reason, without a full stop."""


def evaluate(
    check: str, success: str, *, errors: Sequence[Problem] = (), warnings: Sequence[Problem] = ()
) -> CheckResult:
    """Return a failure if there are *errors*, else a warning if there are *warnings*, else the *success* message."""
    problems = [*errors, *warnings]
    if not problems:
        return CheckResult(check, "ok", success)
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    return CheckResult(
        check,
        "fail" if errors else "warn",
        " ".join(problem.message for problem in problems),
        _join(list(hints)) or None,
    )


def _join(hints: Sequence[str]) -> str:
    """Join the hints with spaces; commands end without a full stop, so separate them by semicolons."""
    joined = ""
    for hint in hints:
        if not joined or joined.endswith("."):
            joined += f" {hint}" if joined else hint
        else:
            joined += f"; {hint.removeprefix('Run: ')}"
    return joined
