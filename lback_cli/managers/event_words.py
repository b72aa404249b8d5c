"""The words that a person types to select events, checked so that a misspelt one does not select nothing."""

from collections.abc import Iterable, Sequence

from lback_cli.attributes import UserAttributes
from lback_cli.errors import UsageError
from lback_cli.events.kinds import FAILED, OK
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import group_name_variants, no_such_group
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.signals import CATALOGUE
from lback_cli.text.escaping import safe
from lback_cli.text.suggestions import did_you_mean

OUTCOMES = (OK, FAILED, *dict.fromkeys(word for signal in CATALOGUE.values() for word in signal.reasons))
"""The outcomes of events, and the words for all successes and all failures."""

_GROUP_FIELDS = ("name", "description")


def changed_fields(known: UserAttributes) -> tuple[str, ...]:
    """Return the fields that events say changes of: the attributes of users, and those of groups."""
    return (*(attribute.name for attribute in known), *_GROUP_FIELDS)


def check_outcome(work: UnitOfWork, outcome: str) -> None:
    """Raise `UsageError` unless *outcome* is known or an event has it, such as one of another version."""
    _check(work, "--outcome", outcome, OUTCOMES, EventQuery(outcome=outcome, limit=1))


def check_changed(work: UnitOfWork, field: str, known: UserAttributes) -> None:
    """Raise `UsageError` unless *field* is known or an event changed it, such as one declared earlier."""
    _check(work, "--changed", field, changed_fields(known), EventQuery(changed=field, limit=1))


def group_names(work: UnitOfWork, services: Dependencies, name: str) -> Sequence[str]:
    """Return the names that events have of the group called *name*. Raise `GroupNotFound` if there never was one."""
    names = group_name_variants(services, name)
    exists = any(work.groups.find(variant) is not None for variant in names)
    if not exists and not (names and _selects(work, EventQuery(groups=names, limit=1))):
        raise no_such_group(name)
    return names


def _check(work: UnitOfWork, option: str, word: str, known: Iterable[str], query: EventQuery) -> None:
    if word in known or _selects(work, query):
        return
    hint = f"{did_you_mean(word, known)} Words are {', '.join(known)}.".lstrip()
    raise UsageError(f"{option}: no event has '{safe(word, limit=40)}'.", hint=hint)


def _selects(work: UnitOfWork, query: EventQuery) -> bool:
    return next(work.events.select(query), None) is not None
