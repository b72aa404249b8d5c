"""The options that select users."""

from typing import Annotated

import typer

from lback_cli.cli.completion import complete_group

Search = Annotated[
    str | None,
    typer.Option(
        "--search", help="Only users with this text in the user name or e-mail address, in any case.", metavar="TEXT"
    ),
]
InGroup = Annotated[
    str | None,
    typer.Option("--group", help="Only members of this group.", metavar="GROUP", autocompletion=complete_group),
]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="Only users who may, or may not, log in.")]
Verified = Annotated[
    bool | None,
    typer.Option("--verified/--unverified", help="Only users whose e-mail address is, or is not, verified."),
]
