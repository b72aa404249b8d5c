"""An update of a user or of several, and what it changed as the result of the command."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.format import Outcome
from lback_cli.cli.password_input import PasswordSource
from lback_cli.cli.sets.confirmation import confirm_change
from lback_cli.cli.sets.results import show_results
from lback_cli.cli.user.beside_application import announce_administrators, announce_spelling

if TYPE_CHECKING:
    from lback_cli.managers.user_sets import UserSet

_FLAGS = {
    ("is_active", True): "activate",
    ("is_active", False): "deactivate",
    ("is_email_verified", True): "mark as verified",
    ("is_email_verified", False): "mark as unverified",
}


def change_user(
    context: CliContext, user: str, update_data: dict[str, Any], *, password: PasswordSource | None = None
) -> None:
    """Update *user*, with a new *password* if there is one, and show what has changed."""
    from lback_cli.cli.user.mail_wording import mail_sentence
    from lback_cli.events.wording import change_line
    from lback_cli.operations.attempts import AttemptState

    user_id = context.resolve_id(user)
    announce_administrators(context, update_data.get("add_groups") or ())
    if password is not None:
        update_data = update_data | {"password": password.for_user(user_id)}
    done, was_invited = AttemptState(), "email" in update_data and _is_invited(context, user_id)
    updated = context.users.update_user(user_id, update_data, effects=done)
    before = done.changes.get("username", {}).get("from", updated.username)
    context.output.message(change_line(before, done.changes) if done.changes else f"{before} is unchanged.")
    context.output.message(mail_sentence(done))
    if was_invited and "email" in done.changes:
        context.output.message(
            "The invitation no longer works. This mails a link that sets the first password: "
            f"lback user request-password-reset {updated.username}"
        )
    announce_spelling(context, updated, update_data.get("username"), update_data.get("email"))
    outcome: Outcome = "updated" if done.changes else "unchanged"
    context.show_user(updated.id, outcome=outcome, **(password.extra if password else {}))


def _is_invited(context: CliContext, user_id: int) -> bool:
    """Return whether the user has an invitation that is still good, and no password."""
    from lback_cli.repositories.user_reader import password_state

    user = context.before_operation(lambda: context.directory.find_by_id(user_id), None)
    if user is None:
        return False
    return password_state(user.password_hash, user.invited_until, context.dependencies.now()) == "invited"


def change_users(
    context: CliContext,
    users: "UserSet",
    update_data: Mapping[str, Any],
    *,
    if_missing: Literal["fail", "skip"],
    yes: bool,
    max_share: float | None,
) -> None:
    """Update *users*, after a question and unless it would deactivate too many, and show the result of each."""
    from lback_cli.managers.brake import check_share

    if update_data.get("is_active") is False:
        check_share("deactivate", users.active, users.total, max_share=max_share)
    phrases = list(_phrases(update_data))
    what = ", ".join(phrases)
    end = "" if phrases in (["deactivate"], ["activate"]) else ":"
    announce_administrators(context, update_data.get("add_groups") or ())
    confirm_change(users, f"{what[0].upper()}{what[1:]}{end}", yes=yes)
    results = context.user_sets.update(users, update_data, if_missing=if_missing)
    show_results(context, users, results, {name: name for name in ("updated", "unchanged", "skipped", "failed")})


def _phrases(update_data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an update does, for a question."""
    for name, value in update_data.items():
        if name in {"add_groups", "remove_groups"}:
            verb = "add to" if name == "add_groups" else "remove from"
            yield from (f"{verb} {group}" for group in value)
        elif (name, value) in _FLAGS:
            yield _FLAGS[name, value]
        else:
            yield f"set {name}" if value else f"unset {name}"
