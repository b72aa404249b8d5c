"""The words for true and false in the files of other programs, and in several languages."""

import re
import time
from collections.abc import Mapping
from typing import Any

from lback_cli.attributes import BOOLEANS, Attribute, Value
from lback_cli.errors import ValidationError
from lback_cli.text.escaping import safe

_TRUE = (
    "x ja j oui o si sí s sim tak ano kyllä да wahr vrai verdadero verdadeiro vero waar prawda pravda sant sand tosi "
    "истина はい 是"
)
_FALSE = (
    "nein non não nao nee nej nei nie ne ei нет falsch faux falso onwaar fałsz nepravda falskt falsk epätosi ложь "
    "いいえ 否"
)
_ACTIVE = (
    "active enabled confirmed provisioned recovery password_expired locked_out aktiv aktiviert freigeschaltet actif "
    "activo ativo attivo actief aktywny aktivní активен"
)
_INACTIVE = (
    "inactive disabled suspended deactivated blocked banned archived deleted removed terminated staged deprovisioned "
    "unconfirmed inaktiv deaktiviert gesperrt blockiert gelöscht ausgeschieden ausgetreten gekündigt "
    "inactif désactivé suspendu bloqué inactivo suspendido bloqueado "
    "inativo suspenso inattivo disattivato sospeso inactief nieaktywny neaktivní неактивен заблокирован"
)

WORDS: Mapping[str, bool] = {**BOOLEANS, **dict.fromkeys(_TRUE.split(), True), **dict.fromkeys(_FALSE.split(), False)}
"""The words for a boolean, in lower case."""

ACTIVITIES: Mapping[str, bool] = {
    **WORDS,
    **dict.fromkeys(_ACTIVE.split(), True),
    **dict.fromkeys(_INACTIVE.split(), False),
}
"""The words for ``is_active``, in lower case."""

_MOMENT = re.compile(r"(\d{4})-\d\d-\d\d(?:[t ]\d\d:\d\d.*)?")
"""A date, with or without a time. Many programs store when something became true."""

_NO_YEAR = "0000"
"""The year of the date that MySQL stores for none."""

_LEAST_CONTROL, _LARGEST_CONTROL, _DISABLED = 0x200, 0xFFFFFFFF, 0x2
"""``userAccountControl`` of Active Directory: the value of a plain user, the largest, and ACCOUNTDISABLE."""

_NEVER = 0x7FFFFFFFFFFFFFFF
"""The value of ``accountExpires`` of Active Directory that means no time; so does 0."""

_LEAST_TIME = 10**16
"""The first number of ``accountExpires`` that is read as a time, which is in 1632."""

_INTERVALS_PER_SECOND = 10_000_000
_SECONDS_FROM_1601_TO_1970 = 11_644_473_600

_LONGEST_SHOWN = 40


def boolean(value: Any, name: str) -> bool | None:
    """Return what *value*, of the column *name*, means; None if it is empty.

    Raises:
        ValidationError: It means neither true nor false.
    """
    if isinstance(value, str):
        found = WORDS.get(value)
        return found if found is not None or not value else _meaning(value, name)
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int) and (found := _number(value, name)) is not None:
        return found
    raise ValidationError(name, f"{name} must be true or false.")


def has_expired(expires: int) -> bool:
    """Return whether *expires*, the ``accountExpires`` of an account of Active Directory, has passed."""
    if expires in {0, _NEVER}:
        return False
    return expires / _INTERVALS_PER_SECOND - _SECONDS_FROM_1601_TO_1970 <= time.time()


def read_attribute(attribute: Attribute, value: Any) -> Value | None:
    """Return the value of *attribute* that *value* is, in these words if it is a boolean.

    Raises:
        ValidationError: It is not of that type.
    """
    if attribute.type == "boolean" and isinstance(value, str):
        value = WORDS.get(value.strip().lower(), value)
    return attribute.parse(value)


def _meaning(text: str, name: str) -> bool | None:
    word = text.strip().lower()
    found = (ACTIVITIES if name == "is_active" else WORDS).get(word.replace(" ", "_"))
    if found is None and word.isascii() and word.isdigit():
        found = _number(int(word[:20]), name)
    if found is None and (moment := _MOMENT.fullmatch(word)):
        found = moment[1] != _NO_YEAR
    if found is None and word:
        shown = safe(text, limit=_LONGEST_SHOWN)
        raise ValidationError(name, f"{name} must be true or false, and not '{shown}'.")
    return found


def _number(value: int, name: str) -> bool | None:
    if value in {0, 1}:
        return bool(value)
    if name == "is_active" and _LEAST_CONTROL <= value <= _LARGEST_CONTROL:
        return not value & _DISABLED
    if name == "is_inactive" and _LEAST_TIME <= value <= _NEVER:
        return has_expired(value)
    return None
