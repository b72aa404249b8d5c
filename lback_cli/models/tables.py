"""Every table, for SQLAlchemy Core.

Commands that only read use these and never load the ORM. The classes of the other modules map some of the tables for
the operations.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    column,
    table,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in the database, as in the lback framework's tables."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert *value* to UTC and drop its zone."""
        return value if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read a stored time as UTC."""
        return value if value is None else value.replace(tzinfo=UTC)


# The lback framework's tables

USERS = Table(
    "users",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("username", String(255), unique=True, index=True, nullable=False),
    Column("email", String(255), unique=True, index=True, nullable=False),
    Column("password", String(255), nullable=False),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("is_email_verified", Boolean, nullable=False, default=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("email_verification_token", String(255), index=True),
    Column("email_verification_token_expiry", UtcDateTime),
    Column("auth_token", String(255), index=True),
    Column("token_expiry", UtcDateTime),
)
"""Accounts. *username* and *email* are canonical, so that no two users can have equal ones.

*password* is a hash in any format that lback verifies. The four token columns are the framework's: `TOKENS` has the
digests of lback's own tokens.
"""

GROUPS = Table(
    "groups",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), unique=True, index=True, nullable=False),
    Column("description", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

MEMBERSHIPS = Table(
    "user_groups_association",
    METADATA,
    Column("user_id", Integer, ForeignKey("users.id"), primary_key=True),
    Column("group_id", Integer, ForeignKey("groups.id"), primary_key=True, index=True),
)

# Tables that an application of the framework may have, and lback does not create

SESSIONS = table("sessions", column("id"), column("user_id", String), column("data", String))
"""The sessions of logged-in users; *data* is JSON."""

ADMIN_USERS = table("admin_users", column("id"), column("username", String), column("email", String))
"""The framework's own accounts of administrators."""

APPLICATION_TABLES = (SESSIONS, ADMIN_USERS)

# lback's own tables

USER_ATTRIBUTES = Table(
    "lback_user_attributes",
    METADATA,
    Column("user_id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("unique_digest", String(64), unique=True, index=True),
    Column("user_created_at", UtcDateTime, nullable=False),
    Index("ix_lback_user_attributes_name_digest", "name", "digest"),
)
"""Attributes that are not columns of `USERS`, with one value in each row.

*value* is JSON. *digest* is its SHA-256, for exact search. If no two users may have the same value, *unique_digest* is
the SHA-256 of *name* and *value*. A row belongs to the user with *user_id* that was created at *user_created_at*,
because an application may delete a user without lback and give the id to another user.
"""

OWNED = Table(
    "lback_owned",
    METADATA,
    Column("kind", String(8), primary_key=True),
    Column("object_id", Integer, primary_key=True, autoincrement=False),
    Column("object_created_at", UtcDateTime, nullable=False),
    Column("owner", String(100), nullable=False, index=True),
)
"""The users and groups that `lback apply` made, and the owner that their file named.

*kind* is ``user`` or ``group``. A row belongs to the object with *object_id* that was created at *object_created_at*.
"""

DELETED_USERS = Table(
    "lback_deleted_users",
    METADATA,
    Column("user_id", Integer, primary_key=True, autoincrement=False),
    Column("username", String(255), index=True, nullable=False),
    Column("email", String(255), index=True, nullable=False),
    Column("password", String(255), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("is_email_verified", Boolean, nullable=False),
    Column("details", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime, nullable=False),
    Column("kept_until", UtcDateTime, index=True, nullable=False),
)
"""Deleted users, whose names and addresses are free for others. *details* has attributes and groups, as JSON."""

ACCOUNTS = Table(
    "lback_accounts",
    METADATA,
    Column("key", String(70), primary_key=True),
    Column("user_id", Integer, index=True),
    Column("user_created_at", UtcDateTime),
    Column("last_login", UtcDateTime),
    Column("failures", Integer, nullable=False, default=0),
    Column("first_failure", UtcDateTime),
    Column("pending", Integer, nullable=False, default=0),
    Column("pending_until", UtcDateTime),
    Column("locked_until", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False, index=True),
)
"""Logins of users, and failed ones under names that no user has.

*key* is ``user:ID``, or ``name:`` and a digest. *pending* counts logins whose password is being checked; they count as
failures after *pending_until*. As in `USER_ATTRIBUTES`, a row belongs to the user created at *user_created_at*.
"""

SECRETS = Table(
    "lback_secrets",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
)
"""Random values of this database, which never leave it."""

TOKENS = Table(
    "lback_tokens",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id", ondelete="CASCADE"), index=True, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("digest", String(64), unique=True, nullable=False),
    Column("email", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)
"""Tokens of links in mail.

*digest* is a plain SHA-256: a token has 256 random bits (ASVS 6.5.2). *email* is the address the token was sent to.
A token is no longer valid if *used_at* is set or *expires_at* has passed. A revoked token is deleted.
"""

MAIL_QUEUE = Table(
    "lback_mail_queue",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("key", String(32), nullable=False),
    Column("template", String(32), nullable=False),
    Column("purpose", String(32)),
    Column("user_id", Integer, index=True, nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("details", Text, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("last_error", Text),
    Column("owner", String(300)),
    Column("lease_until", UtcDateTime),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("retry_at", UtcDateTime, index=True),
)
"""Mail committed with a change and not sent yet.

No row contains a token. A row with a *purpose* is a request for a link, whose token is issued when the mail is sent.
*details* has the other values of the *template*, as JSON. *key* stays the same in all attempts, and so does the
Message-ID. *retry_at* is null if the mail is dead.
"""

EVENTS = Table(
    "lback_events",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False),
    Column("time", String(27), nullable=False, index=True),
    Column("signal", String(64), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("operation_id", String(32), nullable=False),
    Column("outcome", String(64)),
    Column("actor", String(255), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("invocation_id", String(32), nullable=False),
    Column("subject_id", BigInteger, index=True),
    Column("subject", Text),
    Column("data", Text),
    Column("salt", String(32)),
    Column("digest", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The event log, with one event in each row. `lback_cli.events.hash_chain` says what the hashes cover.

Times are RFC 3339 text, so that the stored text is what is hashed. *subject*, *data* and *salt* are null after the
personal data was erased.
"""

# Only the migration makes it partial: an option of a dialect would load that dialect in every command.
Index("ix_lback_events_groups", EVENTS.c.signal)

EVENT_HEAD = Table(
    "lback_event_head",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The end of the hash chain: one row, which every writer locks, so that the chain never forks."""

IMPORT_JOBS = Table(
    "lback_import_jobs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("path", Text, nullable=False),
    Column("digest", String(64), index=True, nullable=False),
    Column("options", Text, nullable=False),
    Column("state", String(16), nullable=False),
    *(
        Column(name, BigInteger, nullable=False, default=0)
        for name in ("rows_done", "created", "updated", "skipped", "failed")
    ),
    *(
        Column(name, BigInteger, nullable=False, default=0)
        for name in ("report_offset", "rejects_offset", "passwords_offset")
    ),
    Column("owner", String(300)),
    Column("lease_until", UtcDateTime),
    Column("started_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
"""How far each import has come. It is written in the transaction of the rows that it counts.

*digest* is the SHA-256 of the whole input; *options* is what else decides the outcome, as canonical JSON. The
``*_offset`` columns are the lengths in bytes of the files that report on the rows done.
"""

SINKS = Table(
    "lback_sinks",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("owner", String(300)),
    Column("lease_until", UtcDateTime),
    Column("failures", Integer, nullable=False, default=0),
    Column("tries", Integer, nullable=False, default=0),
    Column("last_error", Text),
    Column("delivered_at", UtcDateTime),
    Column("rejections", Integer, nullable=False, default=0),
    Column("retry_at", UtcDateTime),
    Column("choice", Text),
    Column("chosen", BigInteger),
)
"""How far the relay has come with each sink.

Every event up to number *position* was delivered or is among the dead letters. *failures* counts the failed attempts
since the last success; *tries* counts those of the event after *position*.


*rejections* are the dead letters since the last delivery. Until *retry_at*, the sink wants no event. *choice* says
which events the sink gets, and *chosen* is how many of those up to *position* there are; both are NULL if it gets all.
"""

DEAD_LETTERS = Table(
    "lback_dead_letters",
    METADATA,
    Column("sink", String(32), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("given_up_at", UtcDateTime, nullable=False),
    Column("answer", Text),
)
"""Dead letters: the number of an event that a sink did not take, and the reason. Only the event log has its content."""
