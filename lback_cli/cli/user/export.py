"""`lback user export`."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.user.filters import Active, InGroup, Search, Verified, Where, user_query
from lback_cli.errors import UsageError
from lback_cli.imports.options import ExportFormat
from lback_cli.text.escaping import safe


@command(
    examples={
        "Write all users to a file": "lback user export --file users.csv",
        "Write the members of a group to standard output": "lback user export --group staff --format jsonl",
        "Describe all users and groups for 'lback apply'": "lback user export --to apply --file team.yaml",
        "Include the password hashes, to import the users elsewhere": (
            "lback user export --with-hashes --file backup.jsonl"
        ),
    },
)
def export_users(
    ctx: typer.Context,
    search: Search = None,
    group: InGroup = None,
    active: Active = None,
    verified: Verified = None,
    where: Where = None,
    form: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Format; by default that of the extension of PATH, else that of -o, else CSV."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="Write to this file, which only you can read; - is standard output.",
            metavar="PATH",
        ),
    ] = None,
    to: Annotated[
        Literal["apply"] | None,
        typer.Option("--to", help="Write groups and users as a YAML file for 'lback apply', instead of --format."),
    ] = None,
    with_hashes: Annotated[
        bool, typer.Option("--with-hashes", help="Include the password hashes. They are never written to a terminal.")
    ] = False,
) -> None:
    """Write users as CSV or JSON Lines, which `lback user import` reads, or as a file for `lback apply`."""
    from lback_cli.imports.atomic_write import replacing
    from lback_cli.imports.options import STDIN as STDOUT

    context = cli_context(ctx)
    path = None if file is None or str(file) == STDOUT else file
    if with_hashes and path is None and sys.stdout.isatty():
        raise UsageError("Password hashes are not written to a terminal.", hint="Use --file PATH.")
    query = user_query(context, search=search, group=group, active=active, verified=verified, where=where)
    if to is None:
        lines = context.exporter.lines(query, _form(context, form, path), with_hashes=with_hashes)
    elif form is not None or with_hashes:
        raise UsageError("--to apply goes neither with --format nor with --with-hashes.")
    else:
        lines = context.exporter.state(query)
    if path is None:
        context.output.text(map(_for_terminal, lines) if sys.stdout.isatty() else lines)
        return
    with replacing(path) as write:
        for piece in lines:
            write(piece)
    context.output.message(f"Wrote {path}.")


def _for_terminal(piece: str) -> str:
    """Return a part of an export in which no name that another program stored controls the terminal."""
    return "\n".join(map(safe, piece.replace("\r\n", "\n").split("\n")))


def _form(context: CliContext, form: ExportFormat | None, path: Path | None) -> str:
    """Return the format: that of --format, else that of the file's extension, else the output format."""
    from lback_cli.imports.options import EXPORT_FORMATS

    if form is not None:
        return form
    named = None if path is None else EXPORT_FORMATS.get(path.suffix.lower())
    is_table = context.output.name == "table"
    if named is None and path is not None and is_table:
        raise UsageError(
            f"The name of {path} does not show the format of the file.",
            hint=f"Add --format {', '.join(dict.fromkeys(EXPORT_FORMATS.values()))}.",
        )
    return named or ("csv" if is_table else context.output.name)
