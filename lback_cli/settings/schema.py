"""Every configuration key: its section, type, default, limits and documentation.

``config.example.toml``, the names of environment variables, `lback config show` and the error messages are derived from
these classes.
"""
# ruff: noqa: RUF009 (`key` is a `dataclasses.field`, whose defaults here are all immutable)

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

from lback_cli.attributes import ValueType
from lback_cli.output_formats import BUILT_IN, plugin_names
from lback_cli.problem import Problem
from lback_cli.settings.declaration import key


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database."""

    url: str = key(
        "",
        "SQLAlchemy URL, for example sqlite:////srv/app/users.db or postgresql+psycopg://app@db/app. "
        "If it is empty, lback uses a SQLite file in your data directory, and creates it on first use.",
        hidden="password",
    )
    password_file: Path | None = key(
        None,
        "File whose first line is the password of the database. Use it instead of a password in the URL.",
        example="/run/secrets/database-password",
        secret_file=True,
    )
    busy_timeout: float = key(10.0, "Seconds to wait for another writer of a SQLite file.", minimum=0, maximum=600)
    retry_timeout: float = key(
        20.0,
        "Seconds to retry while a server starts up, a standby is not promoted yet, or a cluster has no quorum.",
        minimum=0,
        maximum=3600,
    )


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """How mail is sent."""

    transport: Literal["file", "smtp", "queue"] = key(
        "file",
        "file: write .eml files to a directory. smtp: send mail through a mail server. "
        "queue: commit mail with the change, and send it with 'lback mail deliver'.",
    )
    deliver_with: Literal["file", "smtp"] = key("smtp", "How 'lback mail deliver' sends queued mail.")
    max_attempts: int = key(
        30,
        "Attempts to send a queued mail that the mail server temporarily rejects, before the mail becomes dead.",
        minimum=1,
        maximum=1000,
        formerly="tries",
    )
    directory: Path | None = key(
        None,
        "Directory to which transport 'file' writes. By default, it is 'mail' beside the SQLite file.",
        example="/srv/app/mail",
    )
    host: str = key("localhost", "Host of the mail server.")
    port: int = key(
        587, "Port of the mail server: usually 587 for starttls, 465 for tls, 25 for none.", minimum=1, maximum=65535
    )
    security: Literal["starttls", "tls", "none"] = key(
        "starttls", "How the connection is encrypted. A password is never sent with 'none'."
    )
    ca_file: Path | None = key(
        None,
        "PEM file of the authority that signed the server's certificate. By default, the system's authorities.",
        example="/etc/ssl/private-ca.pem",
    )
    username: str = key("", "User name at the mail server. If it is empty, lback does not log in.")
    password_file: Path | None = key(
        None,
        "File whose first line is the password of that user name.",
        example="/run/secrets/mail-password",
        secret_file=True,
    )
    sender: str = key("lback@localhost", "Address that mail is sent from.")
    envelope_sender: str = key(
        "",
        "Address that bounces go to (the envelope sender). If it is empty, it is sender.",
        example="bounces@example.org",
    )
    reply_to: str = key("", "Address that replies go to. If it is empty, it is sender.", example="support@example.org")
    support_contact: str = key(
        "",
        "Whom a user should contact, for $contact in mail. If it is empty, 'the people who run' the application.",
        example="support@example.org",
    )
    ehlo_name: str = key(
        "",
        "Name by which lback introduces itself to the mail server (EHLO). If it is empty, the name of this machine.",
        example="app1.example.org",
    )
    timeout: float = key(10.0, "Seconds to wait for each answer of the mail server.", minimum=0.1, maximum=600)
    templates: Path | None = key(
        None,
        "Directory of your own templates, such as verify_email.txt and verify_email.html. lback has built-in ones for "
        "those that are missing.",
        example="/srv/app/templates",
    )
    language_attribute: str = key(
        "",
        "Attribute of a user that names the language of mail, such as de or pt-BR. Templates in a directory of that "
        "name, which is in the directory of templates, come first.",
        example="language",
    )
    application: str = key("lback", "Name of your application in mail.")
    log_file: Path | None = key(
        None,
        "File to which a line of JSON is added for each mail that was sent: when, to whom, with which Message-ID, and "
        "what the mail server answered.",
        example="/var/log/lback/mail.jsonl",
    )


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Links in mail, which lead to your application. {token} stands for the token."""

    verify_email: str = key(
        "https://localhost/verify-email?token={token}", "Link that verifies an e-mail address.", contains="{token}"
    )
    reset_password: str = key(
        "https://localhost/reset-password?token={token}",
        "Link that resets a password, or sets the first one.",
        contains="{token}",
    )


@dataclass(frozen=True, slots=True)
class UserSettings:
    """Users and groups."""

    default_group: str = key("basic_user", "Group that every new user joins. It is created if missing.")
    admin_group: str = key(
        "admin",
        "Group of the administrators. Its last active member cannot be deleted, deactivated or removed from it.",
    )
    unicode_names: bool = key(False, "Allow user names beyond ASCII letters and digits (RFC 8265).")
    keep_deleted: timedelta = key(
        timedelta(days=30),
        "How long a deleted user can be restored; 0 keeps nothing of deleted users.",
        minimum=0,
        maximum=3650 * 86400,
    )


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """Password rules and hashing."""

    memory: int = key(
        65536,
        "Memory of Argon2id, in KiB. The defaults of this and the next two keys are the second recommended option of "
        "RFC 9106.",
        minimum=19456,
        maximum=4194304,
    )
    iterations: int = key(3, "Passes of Argon2id over the memory.", minimum=2, maximum=100)
    parallelism: int = key(4, "Lanes of Argon2id.", minimum=1, maximum=64)
    minimum_length: int = key(15, "Minimum length of a password in characters.", minimum=8, maximum=1024)
    blocklist_file: Path | None = key(
        None,
        "File with passwords to refuse, one on each line, in addition to lback's own list.",
        example="/srv/app/blocklist.txt",
    )
    upgrade_at_login: bool = key(
        True, "When a user logs in, replace the password hash if its scheme or cost is not the configured one."
    )


@dataclass(frozen=True, slots=True)
class AuthenticationSettings:
    """How often a password may be guessed."""

    max_failures: int = key(10, "Failed logins after which an account is locked.", minimum=1, maximum=1000)
    window: timedelta = key(
        timedelta(minutes=15),
        "How long failed logins count, and how long an account stays locked after max_failures of them.",
        minimum=1,
        maximum=86400,
    )
    max_reset_requests: int = key(
        5, "Reset links that may be requested for one address within the window.", minimum=1, maximum=1000
    )


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How long the links in mail are valid."""

    verification_lifetime: timedelta = key(
        timedelta(hours=24), "Link that verifies an e-mail address.", minimum=1, maximum=365 * 86400
    )
    reset_lifetime: timedelta = key(timedelta(hours=1), "Link that resets a password.", minimum=1, maximum=365 * 86400)
    invitation_lifetime: timedelta = key(
        timedelta(days=7), "Link of an invitation, which sets the first password.", minimum=1, maximum=365 * 86400
    )


@dataclass(frozen=True, slots=True)
class CompatSettings:
    """Compatibility with other applications."""

    lback_framework: bool = key(
        False,
        "Share the database with an application built on the lback framework: hash passwords with bcrypt, and store "
        "tokens in plain text, as that framework expects them. Read docs/adoption.md before you turn it on.",
    )


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Receivers of signals, in addition to installed plugins. See docs/receivers.md."""

    modules: tuple[str, ...] = key((), "Python modules that connect receivers when they are imported.")
    hooks_directory: Path | None = key(
        None,
        "Directory of hooks. For each signal it has a directory, whose executable files run when the signal is sent.",
        example="/etc/lback/hooks",
    )
    time_budget: float = key(
        5.0,
        "Seconds that a receiver may take. After that, a hook is killed, and a warning about a plugin is logged.",
        minimum=0.1,
        maximum=3600,
    )


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """Output of commands."""

    format: str = key(
        "table",
        "Format of results on standard output. LBACK_OUTPUT sets it too. Packages can add formats.",
        choices=tuple(BUILT_IN),
        more_choices=plugin_names,
    )


@dataclass(frozen=True, slots=True)
class AttributeSettings:
    """An attribute of your own; declare as many as you need. Commands set it with --set NAME=VALUE."""

    type: ValueType = key("text", "Type of its values. A text is one line of at most 1,000 characters.")
    personal: bool = key(
        True, "Whether its values are personal data. 'lback user erase' looks for them in events about other users too."
    )


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """A sink of 'lback events relay'. The scheme of its url selects its kind. Sinks of every kind have these keys."""

    schemes: ClassVar[tuple[str, ...]] = ()
    """The schemes of the URLs that lead to this kind of sink."""

    sink: ClassVar[str] = ""
    """The class of a built-in kind of sink, as ``module:Class``. It is imported when it is used."""

    url: str = key("", "Where to send events. Its scheme selects the kind of sink.", hidden="password")
    start: Literal["first", "next"] = key(
        "first", "Where a new sink begins: at the first event of the log, or at the next one that is written."
    )
    signals: tuple[str, ...] = key(
        (),
        "Only events of these signals, and user_erased. If it is empty, events of all signals.",
        example=("user_registered", "user_deleted"),
        texts=True,
    )
    groups: tuple[str, ...] = key(
        (),
        "Only events about these groups, and about users who join or leave one. If it is empty, all events.",
        example=("staff", "admin"),
        texts=True,
    )
    format: Literal["cloudevents", "ocsf"] = key(
        "cloudevents", "Format of the events: CloudEvents 1.0, or OCSF 1.8.0 for a SIEM."
    )
    source: str = key(
        "",
        "Source of the events. If it is empty, //HOST/lback with the host that recorded the event.",
        example="https://example.org/accounts",
    )
    timeout: float = key(10.0, "Seconds that a delivery may take, with its answer.", minimum=0.1, maximum=60)
    max_attempts: int = key(
        10,
        "Attempts to deliver an event on which the sink fails, before the event becomes a dead letter.",
        minimum=1,
        maximum=1000,
        formerly="tries",
    )
    max_backoff: timedelta = key(
        timedelta(minutes=5), "Longest delay between two attempts.", minimum=1, maximum=86400, formerly="longest_pause"
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All configuration, with the source of each value.

    Attributes:
        attributes: The attributes that the configuration declares, by name.
        relay: The sinks of the relay by name.
        sources: Maps ``section.key`` to ``default``, a file, an environment variable or an option.
        config_file: The TOML file that was read, if any.
        actor: The value of ``LBACK_ACTOR`` in the environment or in ``.env``.
        warnings: Unknown environment variables.
    """

    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    email: EmailSettings = field(default_factory=EmailSettings)
    links: LinkSettings = field(default_factory=LinkSettings)
    users: UserSettings = field(default_factory=UserSettings)
    password: PasswordSettings = field(default_factory=PasswordSettings)
    authentication: AuthenticationSettings = field(default_factory=AuthenticationSettings)
    tokens: TokenSettings = field(default_factory=TokenSettings)
    compat: CompatSettings = field(default_factory=CompatSettings)
    receivers: ReceiverSettings = field(default_factory=ReceiverSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    attributes: dict[str, AttributeSettings] = field(
        default_factory=dict, metadata={"section": False, "tables": AttributeSettings}
    )
    relay: dict[str, SinkSettings] = field(default_factory=dict, metadata={"section": False, "tables": SinkSettings})
    sources: dict[str, str] = field(default_factory=dict, metadata={"section": False})
    config_file: Path | None = field(default=None, metadata={"section": False})
    actor: str | None = field(default=None, metadata={"section": False})
    warnings: tuple[Problem, ...] = field(default=(), metadata={"section": False})


def sections() -> Iterator[Field[Any]]:
    """Yield the fields of `Settings` that are sections of the configuration file."""
    return (section for section in fields(Settings) if section.metadata.get("section", True))


def families() -> Iterator[Field[Any]]:
    """Yield the fields of `Settings` that are families: any number of named sections, such as ``[relay.NAME]``."""
    return (section for section in fields(Settings) if "tables" in section.metadata)


def section_class(section: Field[Any]) -> type[Any]:
    """Return the dataclass of a section, or of each section of a family."""
    declared = section.metadata.get("tables", section.type)
    assert isinstance(declared, type)
    return declared


def keys(section: Field[Any]) -> tuple[Field[Any], ...]:
    """Return the keys of a section, or of each section of a family, in the order of their declaration."""
    return fields(section_class(section))
