"""Options of several commands of `lback events`."""

from typing import Annotated

import typer

from lback_cli.cli.completion import complete_signal

Signal = Annotated[
    str | None,
    typer.Option("--signal", help="Only events of this signal.", metavar="NAME", autocompletion=complete_signal),
]
ActorOption = Annotated[str | None, typer.Option("--by", help="Only events of this actor.", metavar="ACTOR")]
UserOption = Annotated[
    str | None, typer.Option("--user", help="Only events of this user, who may be deleted.", metavar="USER")
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Only from this time on: ISO 8601, or an age such as 2h or 7d.", metavar="TIME"),
]
Until = Annotated[str | None, typer.Option("--until", help="Only before this time.", metavar="TIME")]
SinkName = Annotated[str, typer.Argument(metavar="SINK", help="Name of the sink.")]
