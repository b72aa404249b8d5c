"""What is stored as the password of a user who has none yet."""

UNUSABLE_PASSWORD = "!"  # noqa: S105 - what no password matches
"""No hash of anything."""

UNUSABLE_BCRYPT = "$2b$12$" + 53 * "."
"""Zeros for salt and digest, which no known password has: the lback framework fails on what is no bcrypt hash."""


def is_unusable(stored: str) -> bool:
    """Whether *stored* says that there is no password yet."""
    return stored in {UNUSABLE_PASSWORD, UNUSABLE_BCRYPT}
