"""`lback user delete`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.output.prompts import IfMissing, Yes, confirm
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Ask for confirmation first": "lback user delete alice",
        "Confirm in a script that may run twice": "lback user delete id:7 --yes --if-missing skip",
    }
)
def delete(ctx: typer.Context, user: UserArgument, if_missing: IfMissing = "fail", yes: Yes = False) -> None:
    """Delete a user with all memberships and tokens. This cannot be undone."""
    context = cli_context(ctx)
    user_id = context.directory.resolve_id(user) if if_missing == "fail" else context.directory.find_id(user)
    if user_id is None:
        _show(context, f"There is no user {user}: skipped.", None)
        return
    confirm(f"Delete the user {_described(context, user_id)}?", yes=yes)
    deleted = context.users.delete_user(user_id, if_missing=if_missing)
    _show(context, f"Deleted {user}." if deleted else f"{user} is deleted already: skipped.", user_id, deleted=deleted)


def _show(context: CliContext, message: str, user_id: int | None, *, deleted: bool = False) -> None:
    context.output.message(message)
    context.show_deletion({"id": user_id, "deleted": deleted})


def _described(context: CliContext, user_id: int) -> str:
    """Return the user with that id as the question names it."""
    user = context.directory.find_by_id(user_id)
    if user is None:
        return f"id:{user_id}"
    return f"{user.username} (id {user.id}, {user.email}, in {', '.join(user.groups) or 'no group'})"
