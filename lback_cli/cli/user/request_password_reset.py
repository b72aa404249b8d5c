"""`lback user request-password-reset`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.output.prompts import IfMissing, Yes
from lback_cli.cli.sets.mailing import mail_link
from lback_cli.cli.sets.options import Users, Where
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Name the user": "lback user request-password-reset alice",
        "Name the address": "lback user request-password-reset alice@example.org",
        "All who have never logged in": "lback user request-password-reset --where never-logged-in --yes",
    },
)
def request_password_reset(
    ctx: typer.Context,
    users: Users = None,
    where: Where = None,
    if_missing: IfMissing = "fail",
    plan: Plan = False,
    yes: Yes = False,
) -> None:
    """Mail a user, or several, a link that resets the password. Older links stop working.

    Several users, or those that --where selects, are confirmed by a question. Each is an operation of its own with a
    result of its own; exit 8 if some fail.
    """
    context = cli_context(ctx)
    mail_link(
        context,
        users,
        where,
        link="a reset link",
        to_one=_request,
        to_several=lambda chosen: context.user_sets.request_password_reset(chosen, if_missing=if_missing),
        words={},
        if_missing=if_missing,
        plan=plan,
        yes=yes,
    )


def _request(context: CliContext, user: str) -> None:
    from lback_cli.cli.user.mail_wording import mail_sentence
    from lback_cli.operations.attempts import AttemptState

    done = AttemptState()
    email = context.resolve_email(user)
    context.users.reset_password_request(email, effects=done)
    context.output.message(mail_sentence(done))
    context.output.report({"email": email, "requested": True})
