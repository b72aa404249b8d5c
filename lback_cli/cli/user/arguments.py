"""Arguments that several commands of `lback user` take."""

from typing import Annotated

import typer

from lback_cli.cli.completion import complete_user

Username = Annotated[str, typer.Argument(metavar="USERNAME", help="User name.")]
Token = Annotated[
    str, typer.Argument(metavar="TOKEN", help="The token of the mailed link; - reads it from standard input.")
]
UserArgument = Annotated[
    str, typer.Argument(metavar="USER", help="User name, e-mail address or id:N.", autocompletion=complete_user)
]
