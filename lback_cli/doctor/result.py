"""What a check found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lback_cli.problem import Problem

Status = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report: *check* is what was looked at, *hint* what to do, where there is something to do."""

    check: str
    status: Status
    message: str
    hint: str | None = None


class NotChecked(Exception):  # noqa: N818 - it is no error, but says why there is nothing to say
    """The check cannot be made; the message is the reason, as a sentence."""


def evaluate(
    check: str, good: str, *, problems: Sequence[Problem] = (), weaknesses: Sequence[Problem] = ()
) -> CheckResult:
    """Fail with *problems*, else a warning of *weaknesses*, else ok with what is *good*."""
    concerns = [*problems, *weaknesses]
    if not concerns:
        return CheckResult(check, "ok", good)
    remedies = dict.fromkeys(concern.remedy for concern in concerns if concern.remedy)
    return CheckResult(
        check,
        "fail" if problems else "warn",
        " ".join(concern.sentence for concern in concerns),
        _joined(list(remedies)) or None,
    )


def _joined(remedies: Sequence[str]) -> str:
    """One after the other; commands, to which no full stop belongs, with a semicolon between."""
    joined = ""
    for remedy in remedies:
        if not joined or joined.endswith("."):
            joined += f" {remedy}" if joined else remedy
        else:
            joined += f"; {remedy.removeprefix('Run: ')}"
    return joined
