"""The attributes of users in Active Directory ([MS-ADTS], [MS-SAMR])."""

from collections.abc import Collection, Mapping, Sequence

from lback_cli.imports.words import has_expired

Values = Mapping[str, Sequence[str]]
"""The values of an entry by the lower-case name of their attribute."""

WANTED = frozenset({"samaccountname", "userprincipalname", "useraccountcontrol", "accountexpires"})

_USER, _COMPUTER = "user", "computer"
_DISABLED = 0x2
"""The bit ADS_UF_ACCOUNTDISABLE of ``userAccountControl``."""


def is_machine(values: Values, classes: Collection[str]) -> bool:
    """Return whether an entry is the account of a computer, of a managed service, or of a trusted domain."""
    return _COMPUTER in classes or _first(values, "samaccountname").endswith("$")


def is_user(classes: Collection[str]) -> bool:
    """Return whether an entry of these *classes*, in lower case, is a user."""
    return _USER in classes


def address(values: Values) -> str | None:
    """Return the principal name of a user without an e-mail address; it has the form of an address."""
    name = _first(values, "userprincipalname")
    return name if "@" in name else None


def is_active(values: Values) -> bool | None:
    """Return False for an account that is disabled or expired, True for another, None if the entry does not say."""
    control, expires = _number(values, "useraccountcontrol"), _number(values, "accountexpires")
    if expires is not None and has_expired(expires):
        return False
    return None if control is None else not control & _DISABLED


def _first(values: Values, name: str) -> str:
    return next(iter(values.get(name, ())), "")


def _number(values: Values, name: str) -> int | None:
    try:
        return int(_first(values, name)[:20])
    except ValueError:
        return None
