"""An application built on the lback framework: its tables as declared there, and how it checks passwords and tokens.

Nothing here uses lback.
"""

import json
import secrets
import subprocess
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Integer, String, Table, Text, create_engine
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.orm import DeclarativeBase, Session, relationship

PASSWORD = "Correct-Horse-12"
"""A password that the framework accepts; lback's policy may refuse it."""


def now() -> datetime:
    """Return the current time as naive UTC, as the framework stores it."""
    return datetime.now(UTC).replace(tzinfo=None)


def declare(text: Any) -> Any:
    """Declare the framework's models. *text* is the type of its strings, as MariaDB needs a length."""

    class Base(DeclarativeBase):
        pass

    memberships = Table(
        "user_groups_association",
        Base.metadata,
        Column("user_id", Integer, ForeignKey("users.id"), primary_key=True),
        Column("group_id", Integer, ForeignKey("groups.id"), primary_key=True),
    )
    Table(
        "group_permissions_association",
        Base.metadata,
        Column("group_id", Integer, ForeignKey("groups.id"), primary_key=True),
        Column("permission_id", Integer, ForeignKey("userpermissions.id"), primary_key=True),
    )

    class Stamped:
        id = Column(Integer, primary_key=True)
        created_at = Column(DateTime, default=now, nullable=False)
        updated_at = Column(DateTime, default=now, onupdate=now, nullable=False)

    class Group(Stamped, Base):
        __tablename__ = "groups"
        name = Column(text, unique=True, index=True, nullable=False)
        description = Column(text)

    class Permission(Stamped, Base):
        __tablename__ = "userpermissions"
        name = Column(text, unique=True, index=True, nullable=False)
        description = Column(text)

    class User(Stamped, Base):
        __tablename__ = "users"
        username = Column(text, unique=True, index=True, nullable=False)
        email = Column(text, unique=True, index=True, nullable=False)
        password = Column(text, nullable=False)
        is_active = Column(Boolean, default=True, nullable=False)
        is_email_verified = Column(Boolean, default=False, nullable=False)
        email_verification_token = Column(text, index=True)
        email_verification_token_expiry = Column(DateTime)
        auth_token = Column(text, index=True)
        token_expiry = Column(DateTime)
        groups = relationship(Group, secondary=memberships)

    class AdminUser(Stamped, Base):
        __tablename__ = "admin_users"
        username = Column(text, unique=True, nullable=False)
        email = Column(text, unique=True, nullable=False)
        is_superuser = Column(Boolean, default=False, nullable=False)

    class WebSession(Base):
        __tablename__ = "sessions"
        id = Column(String(36), primary_key=True)
        user_id = Column(String(36))
        data = Column(Text, default="{}")
        expires_at = Column(DateTime, nullable=False)

    class Note(Base):
        """A table that the application adds to the framework's."""

        __tablename__ = "notes"
        id = Column(Integer, primary_key=True)
        user_id = Column(Integer, ForeignKey("users.id"))
        content = Column(text)

    Base.User, Base.Group, Base.Permission, Base.Note = User, Group, Permission, Note
    Base.AdminUser, Base.WebSession = AdminUser, WebSession
    return Base


@dataclass
class Application:
    """The application on the database at *url*."""

    url: str

    def __post_init__(self) -> None:
        self.engine = create_engine(self.url)
        self.dialect = self.engine.dialect.name
        self.models = declare(String if self.dialect not in {"mysql", "mariadb"} else String(255))
        self.models.metadata.create_all(self.engine)

    def session(self) -> Session:
        return Session(self.engine)

    def populate(self) -> None:
        """Add two groups and four users: one is an administrator, one has a name and address that are not canonical."""
        models = self.models
        with self.session() as session, session.begin():
            basic, admin = models.Group(name="basic_user", description="Everybody"), models.Group(name="admin")
            session.add_all([basic, admin, models.Permission(name="write", description=None)])
            for name, email, groups in (
                ("root", "root@example.org", [basic, admin]),
                ("bob", "bob@example.org", [basic]),
                ("Alice Smith", "Alice@Example.ORG", [basic]),
                ("quiet", "quiet@example.org", []),
            ):
                hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
                session.add(
                    models.User(username=name, email=email, password=hashed, is_email_verified=True, groups=groups)
                )
            session.flush()
            session.add(models.Note(user_id=1, content="The application's own, \N{SNOWMAN}."))

    # The framework's own operations

    def user(self, username: str) -> Any:
        """Return the user with exactly that name, or None."""
        with self.session() as session:
            user = session.query(self.models.User).filter_by(username=username).one_or_none()
            if user is not None:
                user.group_names = sorted(group.name for group in user.groups)
            return user

    def logs_in(self, username: str, password: str) -> bool:
        user = self.user(username)
        return user is not None and bcrypt.checkpw(password.encode("utf-8"), user.password.encode("utf-8"))

    def issue(self, username: str, purpose: str, *, lifetime: timedelta = timedelta(hours=1)) -> str:
        """Store and return a token for the endpoint ``verify`` or ``reset``."""
        token = secrets.token_hex(16 if purpose == "verify" else 32)
        names = ("email_verification_token", "email_verification_token_expiry")
        column, expiry = names if purpose == "verify" else ("auth_token", "token_expiry")
        self.assign(username, **{column: token, expiry: now() + lifetime})
        return token

    def verify(self, token: str) -> bool:
        """Verify the address that the token was sent to, as the endpoint does; return whether it worked."""
        with self.session() as session, session.begin():
            user = session.query(self.models.User).filter_by(email_verification_token=token).one_or_none()
            if user is None or user.email_verification_token_expiry < now():
                return False
            user.is_email_verified = True
            user.email_verification_token = user.email_verification_token_expiry = None
            return True

    def reset(self, token: str, password: str) -> bool:
        """Set the password, as the endpoint does; return whether it worked."""
        with self.session() as session, session.begin():
            user = session.query(self.models.User).filter_by(auth_token=token).one_or_none()
            if user is None or user.token_expiry < now():
                return False
            user.password = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
            user.auth_token = user.token_expiry = None
            return True

    def assign(self, username: str, **values: Any) -> None:
        with self.session() as session, session.begin():
            for name, value in values.items():
                setattr(session.query(self.models.User).filter_by(username=username).one(), name, value)

    def log_in(self, username: str) -> str:
        """Log a user in as the login page does; return the cookie."""
        user = self.user(username)
        kind = "admin" if "admin" in user.group_names else "user"
        return self._begin_session({"user_id": user.id, "user_type": kind, "username": username, "_flash": []})

    def log_in_admin(self, username: str) -> str:
        """Log an administrator of ``admin_users`` in; return the cookie."""
        with self.session() as session:
            found = session.query(self.models.AdminUser).filter_by(username=username).one()
        return self._begin_session({"user_id": found.id, "user_type": "admin"})

    def _begin_session(self, data: dict[str, Any]) -> str:
        cookie = str(uuid.uuid4())
        row = self.models.WebSession(id=cookie, data=json.dumps(data), expires_at=now() + timedelta(minutes=30))
        with self.session() as session, session.begin():
            session.add(row)
        return cookie

    def whoami(self, cookie: str) -> str | None:
        """Return the name of the account that the framework loads for a request with that cookie."""
        with self.session() as session:
            found = session.get(self.models.WebSession, cookie)
            if found is None:
                return None
            data = json.loads(found.data)
            model = self.models.AdminUser if data["user_type"] == "admin" else self.models.User
            account = session.get(model, data["user_id"])
            return None if account is None else str(account.username)

    def add_admin(self, admin_id: int, username: str, email: str) -> None:
        """Add an administrator as ``manage.py create_superuser`` does."""
        with self.session() as session, session.begin():
            session.add(self.models.AdminUser(id=admin_id, username=username, email=email, is_superuser=True))

    # What the tests inspect

    def definitions(self) -> bytes:
        """Return the definition of the application's tables as the database exports it."""
        url = make_url(self.url)
        names = sorted(self.models.metadata.tables)
        if self.dialect == "sqlite":
            # SQLite itself creates sqlite_sequence, for lback's AUTOINCREMENT tables.
            query = (
                "SELECT type, name, tbl_name, sql FROM sqlite_master"
                " WHERE tbl_name NOT LIKE 'lback%' AND name <> 'sqlite_sequence' ORDER BY name"
            )
            return repr(self.all(query)).encode()
        if self.dialect == "postgresql":
            tables = [word for name in names for word in ("--table", f'public."{name}"')]
            command = ["pg_dump", "--schema-only", "--host", str(url.host), "--port", str(url.port), *tables]
            dumped = subprocess.run(
                [*command, "--username", str(url.username), str(url.database)], check=True, capture_output=True
            )
            # Newer versions put a random token into lines that start with a backslash.
            return b"\n".join(line for line in dumped.stdout.splitlines() if not line.startswith(b"\\"))
        return repr([self.all(f"SHOW CREATE TABLE `{name}`") for name in names]).encode()

    def rows(self) -> dict[str, list[Any]]:
        """Return every row of every table of the application, as the driver returns it."""
        found: dict[str, list[Any]] = {}
        for name, table in self.models.metadata.tables.items():
            columns: list[sa.ColumnClause[Any]] = [sa.column(column.name) for column in table.columns]
            query = sa.select(*columns).select_from(sa.table(name)).order_by(*columns[:2])
            with self.engine.connect() as connection:
                found[name] = [tuple(row) for row in connection.execute(query)]
        return found

    def tables(self) -> set[str]:
        return set(sa.inspect(self.engine).get_table_names())

    def all(self, query: str) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def execute(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            _run(connection, statements)


def _run(connection: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.execute(sa.text(statement))
