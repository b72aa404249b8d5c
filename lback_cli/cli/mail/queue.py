"""`lback mail queue`: list, retry and drop."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lback_cli.cli.command_group import CommandGroup, command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.prompts import Yes, confirm
from lback_cli.errors import UsageError
from lback_cli.text.times import to_the_second

if TYPE_CHECKING:
    from lback_cli.models import QueuedMail


group = CommandGroup(
    __name__,
    "List, retry and drop queued mail.",
    {"list": ":list_mails", "retry": ":retry", "drop": ":drop"},
)

COLUMNS = ("id", "state", "template", "recipient", "tries", "last_error", "queued_at", "retry_at")
Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Ids of mails.")]


Dead = Annotated[bool, typer.Option("--dead", help="All dead mail.")]


@command(
    examples={
        "List all mail that waits": "lback mail queue list",
        "Show dead mail as JSON": "lback mail queue list --dead -o json",
    },
    fields=COLUMNS,
)
def list_mails(
    ctx: typer.Context,
    dead: Annotated[bool, typer.Option("--dead", help="Only dead mail, which lback no longer tries to send.")] = False,
) -> None:
    """List the mail that is not sent, with the last error."""
    context = cli_context(ctx)
    views = map(_view, context.mail_queue.mails(dead=dead or None))
    context.output.records(views, COLUMNS, brief=COLUMNS[:-2], empty="No mail.")


@command(
    examples={
        "Try all dead mail again": "lback mail queue retry --dead",
        "Try one mail again": "lback mail queue retry 42",
    }
)
def retry(ctx: typer.Context, ids: Ids = None, dead: Dead = False) -> None:
    """Make mail due at once, so that `lback mail deliver` tries it again."""
    context = cli_context(ctx)
    context.output.report({"queued": context.mail_queue.retry(_chosen(ids, dead))})


@command(
    examples={
        "Drop one mail without a question": "lback mail queue drop 42 --yes",
        "Drop all dead mail": "lback mail queue drop --dead",
    }
)
def drop(
    ctx: typer.Context,
    ids: Ids = None,
    dead: Dead = False,
    yes: Yes = False,
) -> None:
    """Drop mail that was not sent."""
    context = cli_context(ctx)
    chosen = _chosen(ids, dead)
    confirm(f"Drop {'all dead mail' if chosen is None else f'{len(chosen)} mails'}?", yes=yes)
    context.output.report({"dropped": context.mail_queue.drop(chosen)})


def _chosen(ids: list[int] | None, dead: bool) -> list[int] | None:
    if bool(ids) == dead:
        raise UsageError("Name either mails or --dead.")
    return ids or None


def _view(mail: "QueuedMail") -> dict[str, Any]:
    return {
        "id": mail.id,
        "state": "dead" if mail.retry_at is None else "waiting",
        "template": mail.template,
        "recipient": mail.recipient,
        "tries": mail.tries,
        "last_error": mail.last_error,
        "queued_at": to_the_second(mail.queued_at),
        "retry_at": None if mail.retry_at is None else to_the_second(mail.retry_at),
    }
