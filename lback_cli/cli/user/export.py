"""`lback user export`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.context import CliContext
from lback_cli.cli.global_options import runtime
from lback_cli.cli.user.filters import Active, InGroup, Search, Verified
from lback_cli.cli.user.import_options import Form
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.imports.exports import Form as ExportForm

app = CommandGroup()


@app.command(
    "export",
    examples=(
        "lback user export --file users.csv",
        "lback user export --group staff --format jsonl",
        "lback user export --with-hashes --file backup.jsonl",
    ),
)
def export_users(
    ctx: typer.Context,
    search: Search = None,
    group: InGroup = None,
    active: Active = None,
    verified: Verified = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Form of the file, if its name does not tell; else that of -o, or CSV."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="Write to this file, which only you can read, when all is read; - is standard output.",
            metavar="PATH",
        ),
    ] = None,
    with_hashes: Annotated[
        bool, typer.Option("--with-hashes", help="With the password hashes: never to a terminal.")
    ] = False,
) -> None:
    """Write users in the form that `lback user import` reads."""
    from lback_cli.imports.atomic_write import replacing
    from lback_cli.imports.options import STDIN as STDOUT
    from lback_cli.repositories.user_repository import UserQuery

    run = runtime(ctx)
    path = None if file is None or str(file) == STDOUT else file
    if with_hashes and path is None and sys.stdout.isatty():
        raise UsageError("Password hashes are not for a terminal.", hint="Use --file PATH.")
    query = UserQuery(search=search, group=group, is_active=active, is_email_verified=verified)
    lines = run.exporter.lines(query, _form(run, form, path), with_hashes=with_hashes)
    if path is None:
        run.output.text(lines)
        return
    with replacing(path) as write:
        for piece in lines:
            write(piece)
    run.output.message(f"Wrote {path}.")


def _form(run: CliContext, form: Form | None, path: Path | None) -> "ExportForm":
    """The form that --format says, or the file's name, or -o."""
    from lback_cli.imports.input_file import detect_format
    from lback_cli.imports.options import EXTENSIONS

    chosen = run.output.form
    if form is not None:
        name = form.value
    elif path is not None and (chosen == "table" or path.suffix.lower() in EXTENSIONS):
        name = detect_format(str(path))
    elif chosen == "json":
        return "json"
    else:
        name = chosen
    return "jsonl" if name == "jsonl" else "csv"
