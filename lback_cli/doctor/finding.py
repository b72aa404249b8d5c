"""What a check found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: *check* is what was looked at, *hint* what to do, where there is something to do."""

    check: str
    status: Status
    message: str
    hint: str | None = None


def judge(
    check: str,
    good: str,
    *,
    problems: Sequence[str] = (),
    weaknesses: Sequence[str] = (),
    hint: str | None = None,
) -> Finding:
    """FAIL with *problems*, else a warning of *weaknesses*, else ok with what is *good*."""
    if problems or weaknesses:
        return Finding(check, "FAIL" if problems else "warn", f"{'; '.join([*problems, *weaknesses])}.", hint)
    return Finding(check, "ok", good)
