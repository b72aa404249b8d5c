"""Arguments that several commands of `lback group` take."""

from typing import Annotated

import typer

from lback_cli.cli.completion import complete_group

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the group.")]
Existing = Annotated[str, typer.Argument(metavar="NAME", help="Name of the group.", autocompletion=complete_group)]
