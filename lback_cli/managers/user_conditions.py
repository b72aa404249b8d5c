"""Conditions on users in words, such as ``inactive`` or ``group=staff``."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lback_cli.errors import UsageError
from lback_cli.repositories.user_query import UserQuery
from lback_cli.text.escaping import safe
from lback_cli.text.suggestions import did_you_mean
from lback_cli.text.times import parse_moment

if TYPE_CHECKING:
    from lback_cli.attributes import UserAttributes

FLAGS: Mapping[str, tuple[str, bool]] = {
    "active": ("is_active", True),
    "inactive": ("is_active", False),
    "verified": ("is_email_verified", True),
    "unverified": ("is_email_verified", False),
    "never-logged-in": ("never_logged_in", True),
}
"""Words that are conditions, each with the field of the `UserQuery` that it sets."""

LOCKED = "locked"
"""The word that depends on the time."""

TEXTS = {"group": "groups", "search": "searches"}
"""Names whose values are added to a list of the `UserQuery`."""

MOMENTS = {"created-before": "created_before", "last-login-before": "last_login_before"}
"""Names whose values are times or ages, of which the earliest counts."""

WORDS = (*FLAGS, LOCKED, *(f"{name}=" for name in (*TEXTS, *MOMENTS)))
"""All words, for help and completion. The names of attributes can take their place."""

MEANINGS: Mapping[str, str] = {
    "active": "may log in",
    "inactive": "may not log in",
    "verified": "the e-mail address is verified",
    "unverified": "the e-mail address is not verified",
    "never-logged-in": "has not logged in since lback records it",
    "locked": "is locked after too many failed logins",
    "group=NAME": "is a member of this group",
    "search=TEXT": "the user name or the e-mail address contains this, in any case",
    "created-before=TIME": "was created before this time (ISO 8601, yesterday, or an age such as 30d)",
    "last-login-before=TIME": "has logged in, and last before this time",
    "NAME=VALUE": "has this value of an attribute, such as external_id=4711",
}
"""What each condition says of a user."""

_FLAGGED = ("is_active", "is_email_verified", "never_logged_in", "locked_at")


def with_conditions(query: UserQuery, texts: Iterable[str], known: "UserAttributes", now: datetime) -> UserQuery:
    """Return *query* with more conditions, all of which must hold.

    Args:
        query: The conditions so far.
        texts: The conditions: one of `WORDS`, or NAME=VALUE with the name of an attribute in lback's own table.
        known: The attributes of users.
        now: The current time, from which ages count.

    Raises:
        UsageError: A condition is none of these, or contradicts another one.
        ValidationError: An attribute is unknown, or a value is not of its type.
    """
    found: dict[str, Any] = {name: getattr(query, name) for name in (*_FLAGGED, *TEXTS.values(), *MOMENTS.values())}
    values: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        attribute = known.find(name)
        if not separator and (name in FLAGS or name == LOCKED):
            _set_flag(found, name, now)
        elif separator and not value:
            raise UsageError(f"--where {safe(text, limit=40)} has no value.")
        elif separator and name in TEXTS:
            found[TEXTS[name]] = (*found[TEXTS[name]], value)
        elif separator and name in MOMENTS:
            moment, earlier = parse_moment(value, now), found[MOMENTS[name]]
            found[MOMENTS[name]] = moment if earlier is None else min(moment, earlier)
        elif not separator or attribute is None or attribute.storage != "row":
            raise _unknown(text, known)
        elif name in values:
            raise UsageError(f"--where: {name} comes twice.")
        else:
            values[name] = value
    return replace(query, **found, attributes={**query.attributes, **known.parse_conditions(values)})


def _set_flag(found: dict[str, Any], word: str, now: datetime) -> None:
    if word == LOCKED:
        found["locked_at"] = now
        return
    name, value = FLAGS[word]
    if found[name] not in {None, value} and name != "never_logged_in":
        raise UsageError(f"--where {word} contradicts another condition.", hint="No user can match both.")
    found[name] = value


_SEARCHED = frozenset({"username", "user", "name", "email", "mail", "address"})
"""Names that look like conditions on the user name or the e-mail address."""


def _unknown(text: str, known: "UserAttributes") -> UsageError:
    words = f"Use NAME=VALUE with the name of an attribute, {', '.join(WORDS[:-1])} or {WORDS[-1]}."
    meant = did_you_mean(
        text.partition("=")[0], [*FLAGS, LOCKED, *TEXTS, *MOMENTS, *(each.name for each in known.rows)]
    )
    if text.partition("=")[0] in _SEARCHED - {each.name for each in known.rows}:
        meant = "Use search=TEXT for a part of the user name or the e-mail address."
        words = ""
    hint = f"{meant} {words}".strip()
    return UsageError(f"--where {safe(text, limit=40)}: this is not a condition.", hint=hint)
