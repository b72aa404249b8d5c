"""The tables of the lback framework 0.1, which lback makes too and works with."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "text", "flag", "moment"]


@dataclass(frozen=True, slots=True)
class FrameworkColumn:
    """What a column has to be; *nullable* None is either way, *length* the longest text that lback writes there."""

    kind: Kind
    nullable: bool | None = False
    length: int = 0
    unique: bool = False
    indexed: bool = False
    refers: str | None = None
    primary: bool = False


ID = FrameworkColumn("number", nullable=None, primary=True)
_NAME = FrameworkColumn("text", length=64, unique=True)
_FLAG = FrameworkColumn("flag")
_MOMENT = FrameworkColumn("moment", nullable=None)
_NAMED = {
    "id": ID,
    "name": _NAME,
    "description": FrameworkColumn("text", nullable=True),
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
}


def _reference(table: str) -> FrameworkColumn:
    return FrameworkColumn("number", nullable=None, refers=table, primary=True)


FRAMEWORK: dict[str, dict[str, FrameworkColumn]] = {
    "users": {
        "id": ID,
        "username": _NAME,
        "email": FrameworkColumn("text", length=254, unique=True),
        "password": FrameworkColumn("text", length=128),
        "is_active": _FLAG,
        "is_email_verified": _FLAG,
        "email_verification_token": FrameworkColumn("text", nullable=True, length=32, indexed=True),
        "email_verification_token_expiry": FrameworkColumn("moment", nullable=True),
        "auth_token": FrameworkColumn("text", nullable=True, length=64, indexed=True),
        "token_expiry": FrameworkColumn("moment", nullable=True),
        "created_at": FrameworkColumn("moment"),
        "updated_at": FrameworkColumn("moment"),
    },
    "groups": _NAMED,
    "userpermissions": _NAMED,
    "user_groups_association": {"user_id": _reference("users"), "group_id": _reference("groups")},
    "group_permissions_association": {"group_id": _reference("groups"), "permission_id": _reference("userpermissions")},
}
"""The tables of the lback framework 0.1, by name, and what their columns have to be."""
