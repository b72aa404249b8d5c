"""The options of an import: what decides the outcome of a row, besides the input, and where outcomes are written."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from lback_cli.errors import UsageError
from lback_cli.imports.assignments import Pairs, escaped_name, pair
from lback_cli.managers.registration_mail import RegistrationMail
from lback_cli.text.shell_quoting import command_line

IfExists = Literal["fail", "skip", "update"]
"""What to do if a user name is taken: refuse the row, skip it, or update the user."""

OnError = Literal["continue", "stop"]
"""What to do if a row is refused: continue with the next, or stop."""

FileFormat = Literal["csv", "jsonl", "json", "xlsx"]
"""The formats whose columns have names: tables, and JSON."""

FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".xlsx": "xlsx",
    # These are refused, with the reason.
    ".xlsm": "xlsx",
    ".xlsb": "xlsx",
    ".xls": "xlsx",
}
"""The formats by the extension of a file's name."""

ExportFormat = Literal["csv", "jsonl", "json"]
"""The formats of an export."""

EXPORT_FORMATS: dict[str, ExportFormat] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}
"""The formats of an export by the extension of a file's name."""

TEXT_FORMATS = frozenset({"csv", "jsonl", "json"})
"""The formats that are text in some encoding."""

IGNORE_ALL = "all"
"""The value of ``--ignore`` that means all columns that are not read."""

DROPPABLE = frozenset({"password", "password_hash", "groups"})
"""What ``--ignore`` can leave out of the file of another program."""

STDIN = "-"
"""The path of standard input."""

_PATHS = ("companion", "report", "rejects", "passwords")
_PAIRS = ("mapping", "group_map", "attributes")
_WITH_VALUES = ("if_exists", "on_error", "mail", "companion", "email_domain", "report", "rejects")
_FLAGS = ("atomic", "overwrite_passwords", "create_groups", "assume_verified", "guess")
_OPTION_NAMES = {"mapping": "--map", "ignored": "--ignore"}
_OF_FORMATS: dict[str, Collection[str]] = {
    "mapping": get_args(FileFormat),
    "ignored": get_args(FileFormat),
    "guess": get_args(FileFormat),
    "encoding": TEXT_FORMATS,
    "delimiter": ("csv",),
    "skip_lines": ("csv", "xlsx"),
}
"""The formats that an option is for, by its name in `ImportOptions`."""

_DELIMITER_WORDS = {"\t": "tab", ",": "comma"}
"""Words for characters that a person would not see in a command."""

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
        mapping: The columns of the file by the fields that they are read as.
        ignored: Columns that are not read, or `IGNORE_ALL`.
        delimiter: What separates the columns of CSV; None for a comma, or a tab in a ``.tsv`` file.
        encoding: The encoding of the text; None for UTF-8, which is then verified for the whole file.
        skip_lines: How many lines come before the names of the columns.
        guess: Whether to accept what is proposed for a file that is unlike lback's own.
        username_from: ``email`` makes user names of addresses for rows without one.
        group_map: The groups that names in the file mean.
        create_groups: Whether to create groups that do not exist.
        attributes: The values of attributes for all rows that have none of their own.
        assume_verified: Whether an address counts as verified if the file does not say.
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
    mapping: Pairs = ()
    ignored: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    skip_lines: int = 0
    guess: bool = False
    username_from: Literal["email"] | None = None
    group_map: Pairs = ()
    create_groups: bool = False
    attributes: Pairs = ()
    assume_verified: bool = False
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
        for name, formats in _OF_FORMATS.items():
            if name == "ignored" and self.is_foreign and set(self.ignored) <= DROPPABLE:
                continue
            if getattr(self, name) and self.format not in formats:
                raise UsageError(f"{_option(name)} is for {_listed(formats)}, not for {self.format}.")

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
        """The format of the refused rows, ``csv`` or ``jsonl``: what the file's name says, or what suits the input."""
        named = None if self.rejects is None else FORMATS.get(self.rejects.suffix.lower())
        return named if named in {"csv", "jsonl"} else "csv" if self.format in {"csv", "xlsx"} else "jsonl"

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
        pairs = {name: tuple((left, right) for left, right in values[name]) for name in _PAIRS if values.get(name)}
        lists = {name: tuple(values[name]) for name in ("ignored", *_PAIRS) if name in values}
        return cls(**{**values, **paths, **lists, **pairs})

    def command(self, path: str, *more: str) -> str:
        """Return the command that imports the file at *path* with these options and *more*, for a shell."""
        words = ["lback", *self.environment, "user", "import", path]
        words += ["--from" if self.is_foreign else "--format", self.format]
        words += self.reading_words()
        defaults = ImportOptions()
        for name in _WITH_VALUES:
            value = getattr(self, name)
            if value != getattr(defaults, name):
                words += [_option(name), str(value)]
        words += [word for value, group in self.group_map for word in ("--map-group", pair(value, group))]
        words += [word for name, value in self.attributes for word in ("--set", f"{name}={value}")]
        words += [_option(name) for name in _FLAGS if getattr(self, name)]
        if self.passwords is not None:
            words += ["--generate-passwords", str(self.passwords)]
        return command_line([*words, *more])

    def reading_words(self) -> list[str]:
        """Return the words of the command line that say how the file is read."""
        words = []
        if self.delimiter is not None:
            words += ["--delimiter", _DELIMITER_WORDS.get(self.delimiter, self.delimiter)]
        if self.encoding is not None:
            words += ["--encoding", self.encoding]
        if self.skip_lines:
            words += ["--skip-lines", str(self.skip_lines)]
        if self.mapping:
            words += ["--map", ",".join(pair(field, column) for field, column in self.mapping)]
        if self.ignored:
            words += ["--ignore", ",".join(map(escaped_name, self.ignored))]
        if self.username_from is not None:
            words += ["--username-from", self.username_from]
        return words


def _option(name: str) -> str:
    return _OPTION_NAMES.get(name, "--" + name.replace("_", "-"))


def _listed(formats: Collection[str]) -> str:
    return " and ".join(sorted(formats))
