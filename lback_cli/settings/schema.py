"""Every configuration key: its section, type, default, limits and meaning.

``config.example.toml``, the environment variables' names, `lback config show` and the error messages are derived from
these classes. A key's documentation is the ``doc`` of its field.
"""
# ruff: noqa: RUF009 (`key` is a `dataclasses.field`, whose defaults here are all immutable)

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, Unpack

T = TypeVar("T")


class Details(TypedDict, total=False):
    """What else a key says of itself.

    *minimum* and *maximum* bound a number, or a time in seconds (inclusive); *contains* must be part of a text;
    *example* stands for an unset path in ``config.example.toml``. A *hidden* value is kept out of `repr` and of
    error messages, and `lback config show` masks the ``password`` in a URL, or the ``whole`` of it. *only* names the
    kinds of sink that know the key.
    """

    minimum: float
    maximum: float
    contains: str
    example: str
    hidden: Literal["password", "whole"]
    only: tuple[str, ...]


def key(default: T, doc: str, **details: Unpack[Details]) -> T:
    """Declare one configuration key. A text key may be empty only when its *default* is."""
    made: T = field(default=default, repr="hidden" not in details, metadata={"doc": doc, **details})
    return made


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the users are kept."""

    url: str = key(
        "",
        "SQLAlchemy URL, for instance sqlite:////srv/app/users.db or postgresql+psycopg://app@db/app. "
        "Empty: a SQLite file in your data directory, made on first use.",
        hidden="password",
    )
    password_file: Path | None = key(
        None,
        "File whose first line is the database password, so that the URL needs none.",
        example="/run/secrets/database-password",
    )
    busy_timeout: float = key(
        10.0, "Seconds to wait for another writer before giving up (SQLite).", minimum=0, maximum=600
    )


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """How mail leaves."""

    transport: Literal["file", "smtp", "queue"] = key(
        "file",
        "file: write .eml files to a directory. smtp: hand them to a mail server. "
        "queue: commit them with the change, for 'lback mail deliver' to send.",
    )
    deliver_with: Literal["file", "smtp"] = key("smtp", "How 'lback mail deliver' sends what is queued.")
    tries: int = key(
        30,
        "How often a queued mail is tried that the mail server puts off, before it is given up.",
        minimum=1,
        maximum=1000,
    )
    directory: Path | None = key(
        None, "Where transport 'file' writes. Unset: 'mail' beside the SQLite file.", example="/srv/app/mail"
    )
    host: str = key("localhost", "Mail server.")
    port: int = key(587, "Its port: usually 587 for starttls, 465 for tls, 25 for none.", minimum=1, maximum=65535)
    security: Literal["starttls", "tls", "none"] = key(
        "starttls", "How the connection is protected. A password is never sent with 'none'."
    )
    ca_file: Path | None = key(
        None,
        "PEM file of the authority that signed the server's certificate. Unset: the system's.",
        example="/etc/ssl/private-ca.pem",
    )
    username: str = key("", "Login name at the mail server. Empty: no login.")
    password_file: Path | None = key(
        None, "File whose first line is the password for that login.", example="/run/secrets/mail-password"
    )
    sender: str = key("lback@localhost", "Address that mail comes from.")
    timeout: float = key(10.0, "Seconds that the mail server has for each answer.", minimum=0.1, maximum=600)
    templates: Path | None = key(
        None,
        "Directory with your own verify_email.txt, verify_email.html and so on; missing ones are lback's.",
        example="/srv/app/templates",
    )
    application: str = key("lback", "Name of your application, as mail calls it.")


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Where the links in mail lead; {token} is replaced."""

    verify_email: str = key(
        "https://localhost/verify-email?token={token}", "Link that proves an e-mail address.", contains="{token}"
    )
    reset_password: str = key(
        "https://localhost/reset-password?token={token}", "Link that resets a password.", contains="{token}"
    )


@dataclass(frozen=True, slots=True)
class UserSettings:
    """Who users are."""

    default_group: str = key("basic_user", "Group that every new user joins; made when missing.")
    admin_group: str = key("admin", "Group whose last active member cannot be deleted, deactivated or removed.")
    unicode_names: bool = key(False, "Allow user names beyond ASCII letters and digits (RFC 8265).")


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """What a password must be, and what it costs to guess one."""

    memory: int = key(65536, "Argon2id memory in KiB (RFC 9106's second choice).", minimum=19456, maximum=4194304)
    iterations: int = key(3, "Argon2id passes over that memory.", minimum=2, maximum=100)
    parallelism: int = key(4, "Argon2id lanes.", minimum=1, maximum=64)
    minimum_length: int = key(15, "Shortest password accepted, in characters.", minimum=8, maximum=1024)
    blocklist_file: Path | None = key(
        None, "Your own list of refused passwords, one a line, beside lback's.", example="/srv/app/blocklist.txt"
    )
    upgrade_at_login: bool = key(True, "Replace a password hash of an older scheme or cost when its user logs in.")


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How long a link in a mail works."""

    verification_lifetime: timedelta = key(
        timedelta(hours=24), "For the link that proves an e-mail address.", minimum=1, maximum=365 * 86400
    )
    reset_lifetime: timedelta = key(
        timedelta(hours=1), "For the link that resets a password.", minimum=1, maximum=365 * 86400
    )
    invitation_lifetime: timedelta = key(
        timedelta(days=7), "For the link that sets a first password.", minimum=1, maximum=365 * 86400
    )


@dataclass(frozen=True, slots=True)
class CompatSettings:
    """Whom lback has to get on with."""

    lback_framework: bool = key(
        False,
        "Keep an application of the lback framework working on the same database: passwords are hashed with bcrypt, "
        "and tokens stored as that framework compares them, in plain text. See docs/adoption.md before you turn it on.",
    )


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Who else hears the signals, beside installed plugins. See docs/receivers.md."""

    modules: tuple[str, ...] = key((), "Python modules that connect receivers when they are imported.")
    hooks_directory: Path | None = key(
        None,
        "Directory with a directory for each signal, whose executables are run when it is sent.",
        example="/etc/lback/hooks",
    )
    time_budget: float = key(
        5.0, "Seconds that a receiver may take: a hook is killed then, a plugin is told of.", minimum=0.1, maximum=3600
    )


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How results are shown."""

    format: Literal["table", "json", "jsonl", "csv"] = key("table", "Form of results on stdout; LBACK_OUTPUT too.")


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """A sink of 'lback events relay', any number of them: their names are lower-case letters and digits."""

    url: str = key(
        "",
        "Where: https://host/path (http:// only to this machine), amqp:// or amqps:// for RabbitMQ, redis:// or "
        "rediss://, nats:// or tls:// for NATS JetStream.",
        hidden="password",
    )
    secrets: str = key(
        "",
        "What signs a webhook: whsec_ and base64; while a secret is being replaced, both, with a space between.",
        hidden="whole",
        only=("webhook",),
    )
    secret_file: Path | None = key(
        None, "File with these secrets instead, one a line.", example="/run/secrets/audit-webhook", only=("webhook",)
    )
    password_file: Path | None = key(
        None,
        "File whose first line is the broker's password, so that the URL needs none.",
        example="/run/secrets/broker-password",
        only=("rabbitmq", "redis", "nats"),
    )
    ca_file: Path | None = key(
        None,
        "PEM file of the authority that signed the server's certificate. Unset: the system's.",
        example="/etc/ssl/private-ca.pem",
    )
    start: Literal["first", "next"] = key(
        "first", "Where a sink that is new begins: at the first event of the log, or at the next one to come."
    )
    timeout: float = key(10.0, "Seconds that one delivery may take, its answer included.", minimum=0.1, maximum=60)
    tries: int = key(
        10,
        "How often an event is tried that the sink fails on, before it goes to the dead letters.",
        minimum=1,
        maximum=1000,
    )
    longest_pause: timedelta = key(
        timedelta(minutes=5), "Pauses between tries grow up to this.", minimum=1, maximum=86400
    )
    exchange: str = key("", "RabbitMQ exchange; it must exist. Empty: the default exchange.", only=("rabbitmq",))
    routing_key: str = key(
        "", "RabbitMQ routing key; at the default exchange, the queue. Empty: the event's type.", only=("rabbitmq",)
    )
    stream: str = key("lback:events", "Key of the Redis stream; made when missing.", only=("redis",))
    subject: str = key(
        "lback.events", "NATS subject, to which the signal's name is added; a stream must take it.", only=("nats",)
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All configuration, with the place each value came from.

    *relay* has the sinks by name. *sources* maps ``section.key`` to ``default``, a file, an environment variable or an
    option; *config_file* is the TOML file that was read, if any; *actor* is what ``LBACK_ACTOR`` says, in the
    environment or in ``.env``.
    """

    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    email: EmailSettings = field(default_factory=EmailSettings)
    links: LinkSettings = field(default_factory=LinkSettings)
    users: UserSettings = field(default_factory=UserSettings)
    password: PasswordSettings = field(default_factory=PasswordSettings)
    tokens: TokenSettings = field(default_factory=TokenSettings)
    compat: CompatSettings = field(default_factory=CompatSettings)
    receivers: ReceiverSettings = field(default_factory=ReceiverSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    relay: dict[str, SinkSettings] = field(default_factory=dict, metadata={"section": False, "tables": SinkSettings})
    sources: dict[str, str] = field(default_factory=dict, metadata={"section": False})
    config_file: Path | None = field(default=None, metadata={"section": False})
    actor: str | None = field(default=None, metadata={"section": False})


def sections() -> Iterator[Field[Any]]:
    """The fields of `Settings` that are sections of the configuration file."""
    return (section for section in fields(Settings) if section.metadata.get("section", True))


def families() -> Iterator[Field[Any]]:
    """The fields of `Settings` that hold any number of sections of one kind by name: ``[relay.NAME]``."""
    return (section for section in fields(Settings) if "tables" in section.metadata)


def section_class(section: Field[Any]) -> type[Any]:
    """The dataclass of a section, or of each section of a family."""
    declared = section.metadata.get("tables", section.type)
    assert isinstance(declared, type)
    return declared


def keys(section: Field[Any]) -> tuple[Field[Any], ...]:
    """The keys of a section, or of each section of a family, in the order of their declaration."""
    return fields(section_class(section))
