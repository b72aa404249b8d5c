"""`lback user resend-verification`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.output.prompts import IfMissing, Yes
from lback_cli.cli.sets.mailing import mail_link
from lback_cli.cli.sets.options import Users, Where
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Name the user": "lback user resend-verification alice",
        "All active users who are unverified": (
            "lback user resend-verification --where unverified --where active --yes"
        ),
    }
)
def resend_verification(
    ctx: typer.Context,
    users: Users = None,
    where: Where = None,
    if_missing: IfMissing = "fail",
    plan: Plan = False,
    yes: Yes = False,
) -> None:
    """Mail a user, or several, a new verification link. Older links stop working.

    Inactive users get one too; `--where active` leaves them out. Several users, or those that --where selects, are
    confirmed by a question. Each is an operation of its own with a result of its own; exit 8 if some fail.
    """
    context = cli_context(ctx)
    mail_link(
        context,
        users,
        where,
        link="a verification link",
        to_one=_resend,
        to_several=lambda chosen: context.user_sets.resend_verification(chosen, if_missing=if_missing),
        words={"unchanged": "already verified"},
        if_missing=if_missing,
        plan=plan,
        yes=yes,
    )


def _resend(context: CliContext, user: str) -> None:
    from lback_cli.cli.user.mail_wording import mail_sentence
    from lback_cli.operations.attempts import AttemptState

    done = AttemptState()
    found = context.users.resend_verification(context.resolve_id(user), effects=done)
    context.output.message(mail_sentence(done) or f"{found.email} is already verified.")
    context.show_user(found.id)
