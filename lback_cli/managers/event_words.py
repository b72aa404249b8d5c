"""The words that a person types to select events, checked so that a misspelt one does not select nothing."""

from collections.abc import Iterable

from lback_cli.attributes import UserAttributes
from lback_cli.errors import UsageError
from lback_cli.events.grants import GroupTimeline
from lback_cli.events.kinds import FAILED, OK
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import group_name_variants, no_such_group
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.signals import CATALOGUE
from lback_cli.text.escaping import safe
from lback_cli.text.suggestions import did_you_mean

OUTCOMES = (OK, FAILED, *dict.fromkeys(word for signal in CATALOGUE.values() for word in signal.reasons))
"""The outcomes of events, and the words for all successes and all failures."""

_GROUP_FIELDS = ("name", "description")


def changed_fields(known: UserAttributes) -> tuple[str, ...]:
    """Return the fields that events say changes of: the attributes of users, and those of groups."""
    return (*(attribute.name for attribute in known), *_GROUP_FIELDS)


def check_outcome(found: Snapshot, outcome: str) -> None:
    """Raise `UsageError` unless *outcome* is known or an event has it, such as one of another version."""
    _check(found, "--outcome", outcome, OUTCOMES, EventQuery(outcome=outcome, limit=1))


def check_changed(found: Snapshot, field: str, known: UserAttributes) -> None:
    """Raise `UsageError` unless *field* is known or an event changed it, such as one declared earlier."""
    _check(found, "--changed", field, changed_fields(known), EventQuery(changed=field, limit=1))


def group_query(found: Snapshot, services: Dependencies, name: str) -> EventQuery:
    """Return the query for the events of the group called *name*. Raise `GroupNotFound` if there never was one."""
    names = group_name_variants(services, name)
    exists = any(found.groups.find_by_name(variant) is not None for variant in names)
    if not exists and not (names and _selects(found, EventQuery(groups=names, limit=1))):
        raise no_such_group(name, found.groups.names())
    timeline = GroupTimeline(found.changes.of_groups())
    return EventQuery(groups=names, other_names=[period for each in names for period in timeline.other_names(each)])


def _check(found: Snapshot, option: str, word: str, known: Iterable[str], query: EventQuery) -> None:
    if word in known or _selects(found, query):
        return
    hint = f"{did_you_mean(word, known)} Words are {', '.join(known)}.".lstrip()
    raise UsageError(f"{option}: no event has '{safe(word, limit=40)}'.", hint=hint)


def _selects(found: Snapshot, query: EventQuery) -> bool:
    return next(found.events.select(query), None) is not None
