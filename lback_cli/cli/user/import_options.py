"""The options of `lback user import`, each declared once, and how they become `ImportOptions`."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lback_cli.cli.completion import complete_assignment, complete_source
from lback_cli.cli.context import CliContext
from lback_cli.errors import UsageError
from lback_cli.imports.assignments import Pairs
from lback_cli.imports.options import FileFormat, IfExists, ImportOptions, OnError
from lback_cli.managers.registration_mail import RegistrationMail

_TABLES, _OUTPUT_FILES, _RERUN, _PLANS = "Any table", "Output files", "After an interruption", "Plans"

File = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="CSV, JSON, JSON Lines or a workbook, by the extension; - is standard input."),
]
Format = Annotated[
    FileFormat | None,
    typer.Option("--format", help="Format of the file, instead of the one that its extension selects."),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Read a file that another program wrote. The programs are listed below; packages can add more.",
        metavar="PROGRAM",
        autocompletion=complete_source,
    ),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Read the column COLUMN as FIELD, such as email; repeatable, or several with commas.",
        metavar="FIELD=COLUMN",
        rich_help_panel=_TABLES,
    ),
]
MapFile = Annotated[
    Path | None,
    typer.Option(
        "--map-file", help="A file with a FIELD=COLUMN on each line.", metavar="PATH", rich_help_panel=_TABLES
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        help="Do not read this column; 'all' means every column that is unknown. Repeatable.",
        metavar="COLUMN",
        rich_help_panel=_TABLES,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        help="What separates the columns: a character, or tab, semicolon or bar.",
        metavar="CHARACTER",
        rich_help_panel=_TABLES,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", help="Encoding of the file, such as cp1252.", metavar="NAME", rich_help_panel=_TABLES),
]
SkipLines = Annotated[
    int,
    typer.Option(
        "--skip-lines",
        help="Lines before the names of the columns.",
        metavar="COUNT",
        min=0,
        rich_help_panel=_TABLES,
    ),
]
Guess = Annotated[
    bool,
    typer.Option("--guess", help="Accept what lback proposes for the other options here.", rich_help_panel=_TABLES),
]
Inspect = Annotated[
    bool,
    typer.Option(
        "--inspect",
        help="Show the columns, a sample, and the command to run. Nothing is changed.",
        rich_help_panel=_TABLES,
    ),
]
UsernameFrom = Annotated[
    Literal["email"] | None,
    typer.Option(
        "--username-from",
        help="Use the part of the address before the @ as the user name, if that is missing or an address.",
        metavar="email",
    ),
]
MapGroup = Annotated[
    list[str] | None,
    typer.Option("--map-group", help="Let the name VALUE in the file mean GROUP; repeatable.", metavar="VALUE=GROUP"),
]
CreateGroups = Annotated[bool, typer.Option("--create-groups", help="Create groups that do not exist.")]
AssumeVerified = Annotated[
    bool,
    typer.Option("--assume-verified", help="Treat an address as verified unless the file says that it is not."),
]
SetForAll = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Set an attribute of every user for whom the file has no value of it. Repeatable.",
        metavar="NAME=VALUE",
        autocompletion=complete_assignment,
    ),
]
Companion = Annotated[
    Path | None, typer.Option("--companion", help="The second file that some formats of --from read.", metavar="PATH")
]
EmailDomain = Annotated[
    str | None,
    typer.Option(
        "--email-domain", help="Give users without an address one at DOMAIN: alice gets alice@DOMAIN.", metavar="DOMAIN"
    ),
]
WhenTaken = Annotated[
    IfExists,
    typer.Option("--if-exists", help="If a user name is taken: refuse the row, skip it, or update the user."),
]
OverwritePasswords = Annotated[
    bool, typer.Option("--overwrite-passwords", help="With --if-exists update, replace passwords too.")
]
WhenRefused = Annotated[
    OnError, typer.Option("--on-error", help="If a row is refused: continue with the next, or stop.")
]
Atomic = Annotated[bool, typer.Option("--atomic", help="Import all rows, or none if one is refused.")]
Mailing = Annotated[
    RegistrationMail,
    typer.Option(
        "--mail",
        help="invite: mail each new user without a password a link that sets one. verify: in addition, mail each new "
        "unverified address a verification link. none: send no mail.",
    ),
]
GeneratePasswords = Annotated[
    Path | None,
    typer.Option(
        "--generate-passwords",
        help="Generate passwords for users without one, and write them to this new file.",
        metavar="PATH",
        rich_help_panel=_OUTPUT_FILES,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        help="Write the outcome of each row to this file, as JSON Lines.",
        metavar="PATH",
        rich_help_panel=_OUTPUT_FILES,
    ),
]
Rejects = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        help="Write the refused rows and their errors to this file, to be corrected and imported.",
        metavar="PATH",
        rich_help_panel=_OUTPUT_FILES,
    ),
]
CanaryUser = Annotated[
    str | None,
    typer.Option(
        "--canary",
        help="Ask for the old password of this user first. Import nothing unless it matches the hash in the file.",
        metavar="USER",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue the unfinished import of this file.", rich_help_panel=_RERUN)
]
Restart = Annotated[
    bool,
    typer.Option(
        "--restart", help="Abandon the unfinished import, and begin with the first row.", rich_help_panel=_RERUN
    ),
]
ShowPlan = Annotated[
    bool, typer.Option("--plan", help="Show what would change, and change nothing.", rich_help_panel=_PLANS)
]
PlanFile = Annotated[
    Path | None,
    typer.Option("--plan-file", help="Write the plan to this file too.", metavar="PATH", rich_help_panel=_PLANS),
]
ApplyPlan = Annotated[
    Path | None,
    typer.Option(
        "--apply",
        help="Make exactly the changes in this plan, or none if the file or the users have changed since.",
        metavar="PLAN",
        rich_help_panel=_PLANS,
    ),
]

_TABBED = ".tsv"
"""The extension of tables with tabs."""

OUTPUT_FILES = ("report", "rejects", "passwords")
"""The fields of `ImportOptions` that are files to write: all that a plan leaves open."""


def source_lines() -> Iterator[tuple[str, str]]:
    """Yield each format that ``--from`` takes, with its description."""
    from lback_cli.imports.sources.registry import built_in_sources

    for source in built_in_sources():
        yield source.name, source.description
        if source.companion_description is not None:
            yield "", f"with --companion: {source.companion_description}"


def build_options(
    context: CliContext, file: str, file_format: FileFormat | None, source: str | None, given: dict[str, Any]
) -> ImportOptions:
    """Return the options of an import of *file*. *given* has the other fields of `ImportOptions` by name.

    Raises:
        UsageError: The options contradict each other, or the format of the file is unknown.
    """
    from lback_cli.imports.input_opening import detect_format
    from lback_cli.imports.sources.registry import find_source

    if file_format is not None and source is not None:
        raise UsageError("Use one of --format and --from.")
    if source is not None:
        find_source(source)
    name = source or file_format or detect_format(file)
    if name == "csv" and given["delimiter"] is None and file.lower().endswith(_TABBED):
        given = {**given, "delimiter": "\t"}
    return ImportOptions(format=name, environment=context.options_to_repeat, **absolute_paths(given))


def table_options(
    mapped: list[str] | None,
    map_file: Path | None,
    ignored: list[str] | None,
    delimiter: str | None,
    encoding: str | None,
) -> dict[str, Any]:
    """Return the fields of `ImportOptions` that say how a table is read.

    Raises:
        UsageError: A value is not what its option takes.
    """
    from lback_cli.imports.assignments import parse_names, parse_pairs, read_pairs
    from lback_cli.imports.formats.dialect import parse_delimiter, parse_encoding

    pairs = [*(read_pairs(map_file) if map_file is not None else ())]
    given = parse_pairs("--map", mapped or (), meaning="FIELD=COLUMN")
    return {
        "mapping": tuple({**dict(pairs), **dict(given)}.items()),
        "ignored": parse_names(ignored or ()),
        "delimiter": None if delimiter is None else parse_delimiter(delimiter),
        "encoding": None if encoding is None else parse_encoding(encoding),
    }


def group_map(values: list[str] | None) -> Pairs:
    """Return the pairs of ``--map-group``.

    Raises:
        UsageError: A value is not a pair.
    """
    from lback_cli.imports.assignments import parse_pairs

    return parse_pairs("--map-group", values or (), meaning="VALUE=GROUP")


def differing(given: dict[str, Any]) -> list[str]:
    """Return the names in *given* whose values are not the defaults of `ImportOptions`."""
    defaults = {field.name: field.default for field in fields(ImportOptions)}
    return [name for name, value in given.items() if value != defaults[name]]


def absolute_paths(given: dict[str, Any]) -> dict[str, Any]:
    """Return *given* with absolute paths: the command that resumes may run in another directory."""
    return {name: value.absolute() if isinstance(value, Path) else value for name, value in given.items()}
