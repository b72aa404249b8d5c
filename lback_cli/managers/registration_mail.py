"""Which mail a new user gets."""

from typing import Literal

RegistrationMail = Literal["verify", "invite", "none"]
"""Which mail a new user gets.

``verify``: a link that sets the first password, for a user without one; a link that verifies the address, for any other
user whose address is not verified. ``invite``: only the former. ``none``: no mail.
"""


def is_mailed(mail: RegistrationMail, *, invited: bool, verified: bool) -> bool:
    """Return whether a user who is *invited* to set a password, or whose address is *verified*, is mailed a link."""
    return mail != "none" and (invited or (mail == "verify" and not verified))
