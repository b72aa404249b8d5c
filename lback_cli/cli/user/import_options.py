"""The options of `lback user import`, each declared once, and how they become `ImportOptions`."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from lback_cli.cli.completion import complete_source
from lback_cli.cli.context import CliContext
from lback_cli.errors import UsageError
from lback_cli.imports.options import FileFormat, IfExists, ImportOptions, OnError
from lback_cli.managers.registration_mail import RegistrationMail

_OUTPUT_FILES, _RERUN, _PLANS = "Output files", "After an interruption", "Plans"


File = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="CSV or JSON Lines, by the extension; - is standard input."),
]
Format = Annotated[
    FileFormat | None, typer.Option("--format", help="Format of the file, if its extension does not say.")
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Read a file that another program wrote. The list is below; plugins can add formats.",
        metavar="PROGRAM",
        autocompletion=complete_source,
    ),
]
Companion = Annotated[
    Path | None, typer.Option("--companion", help="The second file of some --from formats.", metavar="PATH")
]
EmailDomain = Annotated[
    str | None,
    typer.Option("--email-domain", help="Give alice the address alice@DOMAIN if she has none.", metavar="DOMAIN"),
]
WhenTaken = Annotated[
    IfExists,
    typer.Option("--if-exists", help="If a user name is taken: refuse the row, skip it, or update the user."),
]
OverwritePasswords = Annotated[
    bool, typer.Option("--overwrite-passwords", help="Let --if-exists update replace passwords too.")
]
WhenRefused = Annotated[
    OnError, typer.Option("--on-error", help="If a row is refused: continue with the next, or stop.")
]
Atomic = Annotated[bool, typer.Option("--atomic", help="Import all rows, or none if one is refused.")]
Mailing = Annotated[
    RegistrationMail,
    typer.Option(
        "--mail",
        help="invite: mail a link that sets a password to users without one. verify: also mail a verification link "
        "to the others. none: send no mail.",
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
        help="Ask for this user's password first, and abort unless it matches the hash in the file.",
        metavar="USER",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the import of this file.", rich_help_panel=_RERUN)]
Restart = Annotated[bool, typer.Option("--restart", help="Start again with the first row.", rich_help_panel=_RERUN)]
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
        help="Make exactly the changes of this plan, or none if anything has changed since.",
        metavar="PLAN",
        rich_help_panel=_PLANS,
    ),
]

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
    from lback_cli.imports.input_file import detect_format
    from lback_cli.imports.sources.registry import find_source

    if file_format is not None and source is not None:
        raise UsageError("Use one of --format and --from.")
    if source is not None:
        find_source(source)
    name = source or file_format or detect_format(file)
    return ImportOptions(format=name, environment=context.options_to_repeat, **absolute_paths(given))


def differing(given: dict[str, Any]) -> list[str]:
    """Return the names in *given* whose values are not the defaults of `ImportOptions`."""
    defaults = {field.name: field.default for field in fields(ImportOptions)}
    return [name for name, value in given.items() if value != defaults[name]]


def absolute_paths(given: dict[str, Any]) -> dict[str, Any]:
    """Return *given* with absolute paths: the command that resumes may run in another directory."""
    return {name: value.absolute() if isinstance(value, Path) else value for name, value in given.items()}
