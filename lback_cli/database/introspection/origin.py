"""Who made the tables of users and groups."""

from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from lback_cli.problem import Problem

_TABLE, _OWN_INDEX = "user_groups_association", "ix_user_groups_association_group_id"
"""lback makes an index with its tables that the lback framework does not, and adoption adds none."""

WITHOUT_COMPATIBILITY = Problem(
    "An application of the lback framework made the tables, and [compat] lback_framework is off: "
    "lback hashes with Argon2id, which that application cannot check.",
    "While it runs, set [compat] lback_framework = true; see docs/adoption.md.",
)


def is_adopted(connection: Connection) -> bool:
    """Whether an application of the lback framework made them, and not lback."""
    return _OWN_INDEX not in {index["name"] for index in inspect(connection).get_indexes(_TABLE)}
