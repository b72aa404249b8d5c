"""The options that choose users, wherever many are meant."""

from typing import Annotated

import typer

from lback_cli.cli.completion import complete_group

Search = Annotated[
    str | None, typer.Option("--search", help="Part of the user name or address, in any case.", metavar="TEXT")
]
InGroup = Annotated[
    str | None,
    typer.Option("--group", help="Members of this group.", metavar="GROUP", autocompletion=complete_group),
]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="Who may, or may not, log in.")]
Verified = Annotated[
    bool | None, typer.Option("--verified/--unverified", help="Whose address is, or is not, verified.")
]
