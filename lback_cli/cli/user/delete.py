"""`lback user delete`."""

from typing import Literal

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.output.prompts import IfMissing, Yes, confirm, confirm_severe
from lback_cli.cli.sets.confirmation import Count, confirm_deletion
from lback_cli.cli.sets.options import MaxShare, Users, Where, select_users, single_user
from lback_cli.cli.sets.plan import Plan
from lback_cli.cli.sets.results import show_results


@command(
    examples={
        "Ask for confirmation first": "lback user delete alice",
        "Confirm in a script that may run twice": "lback user delete id:7 --yes --if-missing skip",
        "Delete several users": "lback user delete alice bob --confirm=2",
        "Delete all who were created long ago and never logged in": (
            "lback user delete --where never-logged-in --where created-before=90d"
        ),
        "Delete the users whose names another program writes": "./leavers | lback user delete - --confirm=12",
    }
)
def delete(
    ctx: typer.Context,
    users: Users = None,
    where: Where = None,
    if_missing: IfMissing = "fail",
    plan: Plan = False,
    yes: Yes = False,
    confirmation: Count = None,
    max_share: MaxShare = None,
) -> None:
    """Delete a user, or several, with all memberships and tokens.

    The users can be restored with 'lback user restore' for as long as users.keep_deleted says.
    To delete several users, or those that --where selects, you confirm their number; --yes is not enough. Each is an
    operation of its own with a result of its own; exit 8 if some fail.
    """
    context = cli_context(ctx)
    user = single_user(users, where)
    if user is not None:
        with context.planned(plan):
            _delete_user(context, user, if_missing, yes=yes or plan, confirmation=None if plan else confirmation)
        return
    chosen = select_users(context, users, where)
    from lback_cli.managers.brake import check_share

    check_share("delete", chosen.count, chosen.total, max_share=max_share)
    if not plan:
        is_final = not context.settings.users.keep_deleted
        confirm_deletion(chosen, given=confirmation, yes=yes, is_final=is_final)
    words = {"deleted": "deleted", "skipped": "already gone", "failed": "failed"}
    with context.planned(plan):
        show_results(context, chosen, context.user_sets.delete(chosen, if_missing=if_missing), words)


def _delete_user(
    context: CliContext, user: str, if_missing: Literal["fail", "skip"], *, yes: bool, confirmation: str | None
) -> None:
    user_id = context.resolve_id(user) if if_missing == "fail" else context.find_id(user)
    if user_id is None:
        _show(context, f"There is no user {user}: skipped.", None)
        return
    question = f"Delete the user {_described(context, user_id)}?"
    if confirmation is None:
        confirm(question, yes=yes)
    else:
        confirm_severe(question, "the number of users", ("1",), given=confirmation)
    deleted = context.users.delete_user(user_id, if_missing=if_missing)
    if not deleted:
        _show(context, f"{user} is deleted already: skipped.", user_id)
        return
    kept = context.kept_users.find_by_id(user_id)
    advice = ""
    if kept is not None:
        day = kept.kept_until.astimezone().date()
        advice = f" Until {day}, this restores the user: lback user restore id:{user_id}"
    _show(context, f"Deleted {user}.{advice}", user_id, deleted=True)


def _show(context: CliContext, message: str, user_id: int | None, *, deleted: bool = False) -> None:
    context.output.message(message)
    context.show_deletion({"id": user_id, "deleted": deleted})


def _described(context: CliContext, user_id: int) -> str:
    """Return the user with that id as the question names it."""
    user = context.before_operation(lambda: context.directory.find_by_id(user_id), None)
    if user is None:
        return f"id:{user_id}"
    return f"{user.username} (id {user.id}, {user.email}, in {', '.join(user.groups) or 'no group'})"
