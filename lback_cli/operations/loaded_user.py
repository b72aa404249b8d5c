"""What is loaded of a user, and outlives the transaction."""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import set_committed_value

from lback_cli.models import Group, User
from lback_cli.repositories.unit_of_work import UnitOfWork


def reloaded(user: User, work: UnitOfWork) -> User | None:
    """Read *user* again, because the rollback has undone its changes and expired what was loaded."""
    identity = inspect(user).identity
    return None if identity is None else work.users.get(identity[0])


def copy_of(user: User) -> User:
    """Return a copy of *user* with what is loaded of it. The copy belongs to no session."""
    copy = User(**_loaded(user))
    if "groups" in inspect(user).dict:
        set_committed_value(copy, "groups", [Group(**_loaded(group)) for group in user.groups])
    return copy


def _loaded(row: User | Group) -> dict[str, Any]:
    state: InstanceState[Any] = inspect(row)
    columns = (column.key for column in state.mapper.column_attrs)
    return {name: state.dict[name] for name in columns if name in state.dict}
