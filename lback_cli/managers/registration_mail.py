"""Which mail a new user gets."""

from typing import Literal

RegistrationMail = Literal["verify", "invite", "none"]
"""Which mail a new user gets.

``verify``: an invitation, which is a link that sets the first password, for a user without a password; a verification
link for any other user whose address is not verified. ``invite``: only invitations. ``none``: no mail.
"""


def is_mailed(mail: RegistrationMail, *, invited: bool, verified: bool) -> bool:
    """Return whether a new user is mailed a link.

    Args:
        mail: Which mail new users get.
        invited: Whether the user has no password.
        verified: Whether the user's address is verified.
    """
    return mail != "none" and (invited or (mail == "verify" and not verified))
