"""Plain users: new users with hashed passwords whose values are checked together, which takes a fraction of the time.

If the users of a list are not all plain, `Registration.prepare` checks each of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.registration_mail import RegistrationMail, is_mailed
from lback_cli.text.emails import plain_emails
from lback_cli.text.usernames import plain_usernames


class UserColumns(NamedTuple):
    """New users with a hashed password: for each attribute the values of all users, in the same order.

    Attributes:
        is_active: Whether the user may log in.
        is_email_verified: Whether the address is verified.
        groups: Names of the groups to join besides the default group.
    """

    usernames: Sequence[str]
    emails: Sequence[str]
    password_hashes: Sequence[str]
    is_active: Sequence[bool]
    is_email_verified: Sequence[bool]
    groups: Sequence[tuple[str, ...]]


def plain_users(services: Dependencies, users: UserColumns, mail: RegistrationMail) -> UserColumns | None:
    """Return *users* in canonical form, so that they can be stored; None if they are not all plain.

    Plain users are not mailed or refused, and no two have the same user name or address.

    Args:
        services: The rules for names and hashes.
        users: Users before validation.
        mail: Which mail the active ones get.
    """
    states = set(zip(users.is_active, users.is_email_verified, strict=True))
    if any(active and is_mailed(mail, invited=False, verified=verified) for active, verified in states):
        return None
    usernames, emails = plain_usernames(users.usernames), plain_emails(users.emails)
    if usernames is None or emails is None or not services.hasher.are_plain(users.password_hashes):
        return None
    if len(set(usernames)) < len(usernames) or len(set(emails)) < len(emails):
        return None
    return users._replace(usernames=usernames, emails=emails)
