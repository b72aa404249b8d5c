"""Writing the attributes of users that are in lback's own table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, literal, select
from sqlalchemy.exc import IntegrityError

from lback_cli.attributes import Attribute, Value, digest, encode, unique_digest
from lback_cli.errors import UserExists
from lback_cli.models.tables import USER_ATTRIBUTES, USERS
from lback_cli.repositories.bulk_insert import driver_form, insert_rows
from lback_cli.repositories.user_query import OWN_ATTRIBUTES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.models import User

_VALUES = ("name", "value", "digest", "unique_digest")

_INSERT = insert(USER_ATTRIBUTES).from_select(
    ("user_id", "user_created_at", *_VALUES),
    select(
        USERS.c.id,
        # As the database has it: an application's column may store fewer digits of a second.
        USERS.c.created_at,
        *(bindparam(column, type_=USER_ATTRIBUTES.c[column].type) for column in _VALUES),
    ).where(USERS.c.id == bindparam("owner")),
)


class AttributeRepository:
    """Attributes of users in one session."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    def set(self, user: "User", values: Mapping[Attribute, Value | None]) -> None:
        """Set *values* for *user*, and unset those that are None.

        Raises:
            UserExists: Another user has the value of a unique attribute.
        """
        if not values:
            return
        self._session.flush()
        names = [attribute.name for attribute in values]
        mine = USER_ATTRIBUTES.c.user_id == user.id
        self._session.execute(delete(USER_ATTRIBUTES).where(mine, USER_ATTRIBUTES.c.name.in_(names)))
        self._add(user.id, {attribute: value for attribute, value in values.items() if value is not None})
        self._session.expire(user, ["attribute_rows"])

    def set_for_all(self, user_ids: Sequence[int], values: Mapping[Attribute, Value | None]) -> None:
        """Set *values* of attributes that are not unique for the users with *user_ids*; unset those that are None."""
        if not values:
            return
        mine = USER_ATTRIBUTES.c.user_id.in_(user_ids)
        names = [attribute.name for attribute in values]
        self._session.execute(delete(USER_ATTRIBUTES).where(mine, USER_ATTRIBUTES.c.name.in_(names)))
        for attribute, value in values.items():
            if value is not None:
                row = (literal(attribute.name), literal(encode(value)), literal(digest(value)))
                users = select(USERS.c.id, USERS.c.created_at, *row).where(USERS.c.id.in_(user_ids))
                columns = ("user_id", "user_created_at", "name", "value", "digest")
                self._session.execute(insert(USER_ATTRIBUTES).from_select(columns, users))

    def set_each(self, values: Mapping[int, Mapping[Attribute, Value | None]]) -> None:
        """Set *values* by user id, and unset those that are None.

        Raises:
            IntegrityError: Another user has the value of a unique attribute.
        """
        owners: dict[str, list[int]] = {}
        for user_id, changed in values.items():
            for attribute in changed:
                owners.setdefault(attribute.name, []).append(user_id)
        for name, user_ids in owners.items():
            mine = USER_ATTRIBUTES.c.user_id.in_(user_ids)
            self._session.execute(delete(USER_ATTRIBUTES).where(mine, USER_ATTRIBUTES.c.name == name))
        rows = [
            _row(user_id, attribute, value)
            for user_id, changed in values.items()
            for attribute, value in changed.items()
            if value is not None
        ]
        if rows:
            self._delete_orphans([row["unique_digest"] for row in rows if row["unique_digest"] is not None])
            self._session.connection().execute(_INSERT, rows)

    def add_all(self, users: Sequence[tuple[int, Mapping[Attribute, Value]]]) -> None:
        """Insert the attributes of users who have none yet, and who were inserted with the same time of creation.

        Raises:
            IntegrityError: A user has the value of a unique attribute.
        """
        rows = [
            (user_id, attribute.name, encode(value), digest(value), unique_digest(attribute, value))
            for user_id, values in users
            for attribute, value in values.items()
        ]
        if not rows:
            return
        self._delete_orphans([row[-1] for row in rows if row[-1] is not None])
        # As the database has it: an application's column may store fewer digits of a second.
        created_at = self._session.execute(select(USERS.c.created_at).where(USERS.c.id == rows[0][0])).scalar_one()
        moment = driver_form(self._session, USER_ATTRIBUTES, "user_created_at")(created_at)
        columns = ("user_created_at", "user_id", *_VALUES)
        insert_rows(self._session, USER_ATTRIBUTES, columns, [(moment, *row) for row in rows])

    def conflict(self, values: Mapping[Attribute, Value]) -> UserExists | None:
        """Return the conflict of the first unique attribute in *values* that a user has, if there is one."""
        for attribute, value in values.items():
            if attribute.unique and self.holders(attribute, [value]):
                return UserExists(attribute.name, str(value))
        return None

    def _add(self, user_id: int, values: Mapping[Attribute, Value]) -> None:
        rows = [_row(user_id, attribute, value) for attribute, value in values.items()]
        if not rows:
            return
        self._delete_orphans([row["unique_digest"] for row in rows if row["unique_digest"] is not None])
        try:
            with self._session.begin_nested():
                self._session.execute(_INSERT, rows)
        except IntegrityError as error:
            conflict = self.conflict(values)
            if conflict is None:
                raise
            raise conflict from error

    def delete(self, user_id: int) -> None:
        """Delete every attribute of the user with that id."""
        self._session.execute(delete(USER_ATTRIBUTES).where(USER_ATTRIBUTES.c.user_id == user_id))

    def holders(self, attribute: Attribute, values: Sequence[Value]) -> dict[Value, int]:
        """Return the ids of the users who have one of *values* of the unique *attribute*, by value."""
        digests = {unique_digest(attribute, value): value for value in values}
        statement = (
            select(USER_ATTRIBUTES.c.unique_digest, USER_ATTRIBUTES.c.user_id)
            .join(USERS, OWN_ATTRIBUTES)
            .where(USER_ATTRIBUTES.c.unique_digest.in_(digests))
        )
        return {digests[found]: user_id for found, user_id in self._session.execute(statement)}

    def _delete_orphans(self, digests: Sequence[object]) -> None:
        """Delete rows with these unique digests whose user is gone: an application may delete users without lback."""
        if not digests:
            return
        owned = select(literal(1)).where(OWN_ATTRIBUTES).exists()
        self._session.execute(
            delete(USER_ATTRIBUTES).where(USER_ATTRIBUTES.c.unique_digest.in_(digests), ~owned),
            execution_options={"synchronize_session": False},
        )


def _row(user_id: int, attribute: Attribute, value: Value) -> dict[str, Any]:
    """Return the parameters of `_INSERT`."""
    return {
        "owner": user_id,
        "name": attribute.name,
        "value": encode(value),
        "digest": digest(value),
        "unique_digest": unique_digest(attribute, value),
    }
