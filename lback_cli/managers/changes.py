"""What `UserManager.update_user` may be asked to change."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lback_cli.errors import ValidationError


class Mask:
    """Stands where a password was; its str and repr are ``********``."""

    def __str__(self) -> str:
        return "********"

    __repr__ = __str__


MASK = Mask()

_SECRET = frozenset({"password", "password_hash"})


@dataclass(frozen=True, slots=True)
class UserUpdate:
    """The changes by name; None or an empty tuple leaves things as they are.

    A new *email* is unverified unless *is_email_verified* says otherwise. *password_hash* takes over a password from
    elsewhere, in place of *password*.
    """

    username: str | None = None
    email: str | None = None
    password: str | None = None
    password_hash: str | None = None
    is_active: bool | None = None
    is_email_verified: bool | None = None
    add_groups: tuple[str, ...] = ()
    remove_groups: tuple[str, ...] = ()

    @classmethod
    def parse(cls, update_data: Mapping[str, Any]) -> "UserUpdate":
        """Read *update_data*. Raises `ValidationError` for an unknown name or a value of the wrong type."""
        if not isinstance(update_data, Mapping):
            raise ValidationError("update_data", "What to update must be a mapping of names to values.")
        known = {field.name: field.type for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in update_data.items():
            if name not in known:
                raise ValidationError(
                    str(name), f"There is no {name!r} to update.", hint=f"There are {', '.join(known)}."
                )
            values[name] = _groups(name, value) if name.endswith("_groups") else _typed(name, value)
        return cls(**values)


def masked(update_data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of *update_data* that may be shown: a password, or its hash, is masked, and so is what has no known name.

    Under a mistaken name, such as ``passwd``, it could be a password too; it is refused later, where that can be
    announced, and so is what is no mapping at all.
    """
    if not isinstance(update_data, Mapping):
        return {}
    shown = {field.name for field in fields(UserUpdate)} - _SECRET
    return {name: value if name in shown else MASK for name, value in update_data.items()}


def _typed(name: str, value: Any) -> Any:
    wanted = bool if name.startswith("is_") else str
    if value is not None and not isinstance(value, wanted):
        raise ValidationError(name, f"{name} must be {'true or false' if wanted is bool else 'text'}.")
    return value


def _groups(name: str, value: Any) -> tuple[str, ...]:
    names = () if value is None else tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)
    if not all(isinstance(group, str) for group in names):
        raise ValidationError(name, f"{name} must be names of groups.")
    return names
