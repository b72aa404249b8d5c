"""`lback user export`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.commands import Noun
from lback_cli.cli.import_options import Form
from lback_cli.cli.options import runtime
from lback_cli.cli.user_filters import Active, InGroup, Search, Verified
from lback_cli.errors import UsageError

app = Noun()


@app.verb(
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
        Form | None, typer.Option("--format", help="Form of the file, if its name does not tell; else CSV.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Write to this file, which only you can read, when all is read.", metavar="PATH"),
    ] = None,
    with_hashes: Annotated[
        bool, typer.Option("--with-hashes", help="With the password hashes: never to a terminal.")
    ] = False,
) -> None:
    """Write users in the form that `lback user import` reads."""
    from lback_cli.batch.private_file import replacing
    from lback_cli.batch.source import form_of
    from lback_cli.repositories.user_repository import UserQuery

    run = runtime(ctx)
    if with_hashes and file is None and sys.stdout.isatty():
        raise UsageError("Password hashes are not for a terminal.", hint="Use --file PATH.")
    name = form.value if form is not None else "csv" if file is None else form_of(str(file))
    query = UserQuery(search=search, group=group, is_active=active, is_email_verified=verified)
    lines = run.exporter.lines(query, "jsonl" if name == "jsonl" else "csv", with_hashes=with_hashes)
    if file is None:
        run.output.text(lines)
        return
    with replacing(file) as write:
        for piece in lines:
            write(piece)
    run.output.message(f"Wrote {file}.")
