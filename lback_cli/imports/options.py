"""The options of an import: what decides the outcome of a row, besides the input, and where outcomes are written."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from lback_cli.errors import UsageError
from lback_cli.managers.registration_mail import RegistrationMail
from lback_cli.text.shell_quoting import command_line

IfExists = Literal["fail", "skip", "update"]
"""What to do if a user name is taken: refuse the row, skip it, or update the user."""

OnError = Literal["continue", "stop"]
"""What to do if a row is refused: continue with the next, or stop."""

FileFormat = Literal["csv", "jsonl"]
"""The formats of the files that lback itself writes."""

FORMATS: dict[str, FileFormat] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""These formats, by the extension of a file's name."""

STDIN = "-"
"""The path of standard input."""

_PATHS = ("companion", "report", "rejects", "passwords")
_STORED_NAMES = {"format": "form"}
"""The names in the stored options, where they differ."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of an import.

    Attributes:
        format: ``csv``, ``jsonl``, or the name of a source format, such as ``keycloak``.
        if_exists: What to do if a user name is taken. An update sets what the row says and leaves the rest.
        on_error: What to do if a row is refused.
        atomic: Whether to import all rows or, if one is refused, none.
        mail: Which mail new users get.
        overwrite_passwords: Whether an update sets passwords too.
        companion: The second file that some source formats read.
        email_domain: The domain of the addresses that are made for users without one.
        report: The file to write the outcome of each row to.
        rejects: The file to write the refused rows to.
        passwords: The file to write generated passwords to. If set, users without a password get a generated one.
        environment: Global options of the command line, for the command that resumes. They are not part of what
            identifies the import.
    """

    format: str = "csv"
    if_exists: IfExists = "fail"
    on_error: OnError = "continue"
    atomic: bool = False
    mail: RegistrationMail = "invite"
    overwrite_passwords: bool = False
    companion: Path | None = None
    email_domain: str | None = None
    report: Path | None = None
    rejects: Path | None = None
    passwords: Path | None = None
    environment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse options that contradict each other, with `UsageError`."""
        if self.overwrite_passwords and self.if_exists != "update":
            raise UsageError("--overwrite-passwords needs --if-exists update.")
        if not self.is_foreign and (self.companion or self.email_domain):
            raise UsageError("--companion and --email-domain need --from.")
        if not self.is_foreign and self._format_of_rejects not in {None, self.format}:
            raise UsageError(
                f"--rejects: {self.rejects} will have the format of the input.",
                hint=f"Give it the extension .{self.format}.",
            )

    @property
    def is_foreign(self) -> bool:
        """Whether another program wrote the input."""
        return self.format not in FORMATS.values()

    @property
    def files(self) -> set[Path]:
        """The files that report on the rows."""
        return {file for file in (self.report, self.rejects, self.passwords) if file is not None}

    @property
    def rejects_format(self) -> str:
        """The format of the refused rows: that of the input or, with ``--from``, what the file's name says."""
        return (self._format_of_rejects or "jsonl") if self.is_foreign else self.format

    @property
    def _format_of_rejects(self) -> str | None:
        return None if self.rejects is None else FORMATS.get(self.rejects.suffix.lower())

    def as_json(self) -> str:
        """Return the options as canonical JSON, which is equal for equal options."""
        values = {
            _STORED_NAMES.get(name, name): str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if name != "environment"
        }
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ImportOptions":
        """Return the options that `as_json` wrote; names that this version does not know are ignored."""
        stored = json.loads(text)
        names = {field.name: _STORED_NAMES.get(field.name, field.name) for field in fields(cls)}
        values = {name: stored[stored_name] for name, stored_name in names.items() if stored_name in stored}
        paths = {name: Path(values[name]) for name in _PATHS if values.get(name)}
        return cls(**{**values, **paths})

    def command(self, path: str, *more: str) -> str:
        """Return the command that imports the file at *path* with these options and *more*, for a shell."""
        words = ["lback", *self.environment, "user", "import", path]
        words += ["--from" if self.is_foreign else "--format", self.format]
        defaults = ImportOptions()
        for name in ("if_exists", "on_error", "mail", "companion", "email_domain", "report", "rejects"):
            value = getattr(self, name)
            if value != getattr(defaults, name):
                words += [_option(name), str(value)]
        words += [_option(name) for name in ("atomic", "overwrite_passwords") if getattr(self, name)]
        if self.passwords is not None:
            words += ["--generate-passwords", str(self.passwords)]
        return command_line([*words, *more])


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
