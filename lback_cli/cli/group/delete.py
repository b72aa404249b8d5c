"""`lback group delete`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.output.prompts import IfMissing, Yes, confirm, confirm_severe
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Ask for confirmation first": "lback group delete guests",
        "Confirm in a script, even if the group has members": "lback group delete guests --confirm=guests",
    }
)
def delete(
    ctx: typer.Context,
    name: Existing,
    if_missing: IfMissing = "fail",
    plan: Plan = False,
    yes: Yes = False,
    confirmation: Annotated[
        str | None,
        typer.Option(
            "--confirm",
            help="Confirm with the name of the group or the number of its members. A group with members needs this.",
            metavar="<NAME|COUNT>",
        ),
    ] = None,
) -> None:
    """Delete a group. Its members stay, and lose only this membership."""
    context = cli_context(ctx)
    if if_missing == "skip" and not context.directory.has_group(name):
        context.output.message(f"There is no group {name}: skipped.")
        context.show_deletion({"id": None, "name": name, "deleted": False})
        return
    group, members = context.directory.find_group(name)
    if not plan:
        _confirm(group.name, members, yes=yes, confirmation=confirmation)
    with context.planned(plan):
        deleted = context.groups.delete_group(group.name, if_missing=if_missing) is not None
        done = "Deleted the group {}." if deleted else "The group {} is deleted already: skipped."
        context.output.message(done.format(group.name))
        context.show_deletion({"id": group.id, "name": group.name, "deleted": deleted})


def _confirm(group: str, members: int, *, yes: bool, confirmation: str | None) -> None:
    if members or confirmation is not None:
        question = f"Delete the group {group} and its memberships ({members})?"
        confirm_severe(question, "the name of the group", (group, str(members)), given=confirmation)
    else:
        confirm(f"Delete the group {group}, which has no members?", yes=yes)
