"""What an import is told besides its input: all that decides what becomes of a row, or where that is written."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from lback_cli.errors import UsageError
from lback_cli.managers.registration import RegistrationMail
from lback_cli.text.shell_quoting import command_line

IfExists = Literal["fail", "skip", "update"]
OnError = Literal["continue", "stop"]

EXTENSIONS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""Forms by the extension of a file's name."""

STDIN = "-"
"""The path of standard input."""

_PATHS = ("companion", "report", "rejects", "passwords")
_FLAGS = ("atomic", "overwrite_passwords")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of an import.

    *form* is ``csv``, ``jsonl`` or the name of one of `SOURCES`, for which *companion* may be a second file, and
    *email_domain* the domain of addresses that are missing. *if_exists* is for a user name that is taken: an update
    sets what the row says and leaves the rest, and passwords only with *overwrite_passwords*. *mail* is as for
    `NewUser`. *report*, *rejects* and *passwords* are files to write; with the last, users without a password get one
    made up. *environment* are words of the command line that say in which database; they are no part of what the
    import is.
    """

    form: str = "csv"
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
        """Raises `UsageError` for options that contradict each other."""
        if self.overwrite_passwords and self.if_exists != "update":
            raise UsageError("--overwrite-passwords is for --if-exists update.")
        if not self.foreign and (self.companion or self.email_domain):
            raise UsageError("--companion and --email-domain are for --from.")
        if not self.foreign and self._told_by_rejects not in {None, self.form}:
            raise UsageError(
                f"--rejects: {self.rejects} will be in the form of the input.", hint=f"Name it something.{self.form}"
            )

    @property
    def foreign(self) -> bool:
        """Whether another program wrote the input."""
        return self.form not in EXTENSIONS.values()

    @property
    def files(self) -> set[Path]:
        """Those that say what became of each row."""
        return {file for file in (self.report, self.rejects, self.passwords) if file is not None}

    @property
    def rejects_form(self) -> str:
        """The form of the refused rows: that of the input, or of another program's what the file's name tells."""
        return (self._told_by_rejects or "jsonl") if self.foreign else self.form

    @property
    def _told_by_rejects(self) -> str | None:
        return None if self.rejects is None else EXTENSIONS.get(self.rejects.suffix.lower())

    def as_json(self) -> str:
        """Canonical JSON: equal for equal options."""
        values = {key: _plain(value) for key, value in asdict(self).items() if key != "environment"}
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ImportOptions":
        """The options that `to_json` wrote; names that this version does not know are passed over."""
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in json.loads(text).items() if key in known}
        paths = {name: Path(values[name]) for name in _PATHS if values.get(name)}
        return cls(**{**values, **paths})

    def command(self, path: str, *more: str) -> str:
        """The command line of this import of the file at *path*, for a shell."""
        words = ["lback", *self.environment, "user", "import", path]
        words += ["--from" if self.foreign else "--format", self.form]
        for name, default in (("if_exists", "fail"), ("on_error", "continue"), ("mail", "invite")):
            if getattr(self, name) != default:
                words += [_option(name), getattr(self, name)]
        words += [_option(name) for name in _FLAGS if getattr(self, name)]
        for name in ("companion", "email_domain", "report", "rejects"):
            if getattr(self, name) is not None:
                words += [_option(name), str(getattr(self, name))]
        if self.passwords is not None:
            words += ["--generate-passwords", str(self.passwords)]
        return command_line([*words, *more])


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
