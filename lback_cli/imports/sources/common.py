"""The row that an account of another system becomes."""

import re
from typing import Any

from lback_cli.errors import ValidationError
from lback_cli.imports.row import Row, row_of
from lback_cli.text.escaping import safe

_DES = re.compile(r"[./0-9A-Za-z]{13}")
_LONGEST_SHOWN = 80


def account_row(line: int, email_domain: str | None, /, *, username: Any, email: Any = None, **fields: Any) -> Row:
    """The row of the account *username*, with *fields* by lback's columns; what is None there was not said.

    A user name that is an address counts as one where there is none, and its local part becomes the user name, as an
    lback user name has no at sign; the user can still log in with the address. So can one without a user name.
    """
    if isinstance(username, str):
        if not email and "@" in username:
            email = username
        elif not email and username and email_domain is not None:
            email = f"{username}@{email_domain}"
        username = username.partition("@")[0]
    if not username and isinstance(email, str):
        username = email.rpartition("@")[0]
    known = {"username": username, "email": email, **fields}
    said = {name: value for name, value in known.items() if value is not None and value != ""}
    row = row_of(line, said)
    if row.error is None and not email:
        # All the rest is kept, so that the address is all there is to mend.
        shown = safe(username, limit=_LONGEST_SHOWN) if username else "The account"
        hint = "Give --email-domain to make addresses of user names."
        row.error = ValidationError("email", f"{shown} has no e-mail address.", hint=hint)
    return row


def crypt_hash(stored: str) -> str:
    """*stored*, a hash of crypt(3), such that DES is not taken for a word of thirteen letters."""
    return f"{{CRYPT}}{stored}" if _DES.fullmatch(stored) else stored
