"""`lback config show`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.errors import LbackError
from lback_cli.settings.masking import describe_settings, part_of

COLUMNS = ("key", "value", "source")


def _complete(ctx: typer.Context, incomplete: str) -> list[str]:
    try:
        keys = (item.key for item in describe_settings((ctx.obj or CliContext()).settings))
    except LbackError:
        return []
    sections = dict.fromkeys(key.rpartition(".")[0] for key in keys)
    return [section for section in sections if section.startswith(incomplete)]


@command(
    examples={
        "Show each value and its source": "lback config show",
        "Show one section, such as a sink": "lback config show relay.crm",
        "Show the settings as JSON": "lback config show -o json",
    },
    fields=COLUMNS,
)
def show(
    ctx: typer.Context,
    part: Annotated[
        str | None,
        typer.Argument(metavar="[SECTION]", help="A section or a key; all if left out.", autocompletion=_complete),
    ] = None,
) -> None:
    """List keys with their values and the sources of the values. Secrets are masked."""
    context = cli_context(ctx)
    for_people = context.output.format.for_people
    shown = part_of(describe_settings(context.settings, context.values_in_force), part)
    views = (
        {"key": item.key, "value": item.text if for_people else item.value, "source": item.source} for item in shown
    )
    context.output.records(views, COLUMNS, empty="Nothing is configured there.")
