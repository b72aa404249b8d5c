"""An update of a user, and what it changed as the result of the command."""

from typing import Any

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.format import Outcome
from lback_cli.cli.password_input import PasswordSource
from lback_cli.cli.user.beside_application import announce_administrators, announce_spelling


def change_user(
    context: CliContext, user: str, update_data: dict[str, Any], *, password: PasswordSource | None = None
) -> None:
    """Update *user*, with a new *password* if there is one, and show what has changed."""
    from lback_cli.cli.user.mail_wording import mail_sentence
    from lback_cli.events.wording import change_line
    from lback_cli.operations.attempts import AttemptState

    user_id = context.directory.resolve_id(user)
    announce_administrators(context, update_data.get("add_groups") or ())
    if password is not None:
        update_data = update_data | {"password": password.for_user(user_id)}
    done = AttemptState()
    updated = context.users.update_user(user_id, update_data, effects=done)
    before = done.changes.get("username", {}).get("from", updated.username)
    context.output.message(change_line(before, done.changes) if done.changes else f"{before} is unchanged.")
    context.output.message(mail_sentence(done))
    announce_spelling(context, updated, update_data.get("username"), update_data.get("email"))
    outcome: Outcome = "updated" if done.changes else "unchanged"
    context.show_user(updated.id, outcome=outcome, **(password.extra if password else {}))
