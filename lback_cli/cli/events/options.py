"""Options of several commands of `lback events`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from lback_cli.cli.completion import complete_changed, complete_event, complete_group, complete_outcome, complete_user
from lback_cli.cli.context import CliContext
from lback_cli.cli.output.serializers import EVENT_SCREEN, EVENT_TABLE
from lback_cli.events.export import EVENT_COLUMNS, shown_event
from lback_cli.events.wording import listed, sentence, with_present_groups

DEFAULT_LIMIT = 50
"""Events on a terminal."""

MORE_FIELDS = ("what",)
"""Fields of events that tables show, and other formats with ``--fields``."""

Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        help=f"Maximum number of events; 0 means all. The default is {DEFAULT_LIMIT} on a terminal, else all.",
        min=0,
    ),
]
Signals = Annotated[
    list[str] | None,
    typer.Option(
        "--signal", help="Only events of this signal. Repeatable.", metavar="NAME", autocompletion=complete_event
    ),
]
Outcome = Annotated[
    str | None,
    typer.Option(
        "--outcome",
        help="Only successes (ok), only failures (failed), or only events with this reason (WORD).",
        metavar="ok|failed|WORD",
        autocompletion=complete_outcome,
    ),
]
Changed = Annotated[
    str | None,
    typer.Option(
        "--changed",
        help="Only events that changed this field of a user.",
        metavar="FIELD",
        autocompletion=complete_changed,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        help="Only events about this group, or about users who joined or left it.",
        metavar="NAME",
        autocompletion=complete_group,
    ),
]
Invocation = Annotated[
    str | None, typer.Option("--invocation", help="Only events of this run of a command.", metavar="ID")
]
Operation = Annotated[str | None, typer.Option("--operation", help="Only events of this operation.", metavar="ID")]
ActorOption = Annotated[str | None, typer.Option("--by", help="Only events of this actor.", metavar="ACTOR")]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--user",
        help="Only events of this user. The user may be deleted.",
        metavar="USER",
        autocompletion=complete_user,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Only events from this time on: ISO 8601, yesterday, or an age such as 2h or 7d.",
        metavar="TIME",
    ),
]
Until = Annotated[str | None, typer.Option("--until", help="Only events before this time.", metavar="TIME")]
SinkName = Annotated[str, typer.Argument(metavar="SINK", help="Name of the sink.")]


def brief_fields(context: CliContext) -> Sequence[str]:
    """Return the fields of a table of events. On a screen the sentence takes the place of the codes."""
    return EVENT_TABLE if context.output.width is None else EVENT_SCREEN


def shown_events(
    context: CliContext, rows: Iterable[Mapping[str, Any]], *, brief: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """Yield stored events for the output format of *context*, of which tables show the *brief* fields."""
    in_words = "what" in context.output.choose(EVENT_COLUMNS, brief=brief, more=MORE_FIELDS)
    present = context.events.group_timeline().present_name if in_words else None
    for row in rows:
        event = shown_event(row)
        if present is not None:
            event["what"] = sentence(with_present_groups(event, present))
        yield listed(event) if context.output.format.for_people else event
