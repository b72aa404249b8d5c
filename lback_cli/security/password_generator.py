"""Passwords that lback makes up."""

import secrets

# 32 characters, so five bits each: lower case to type easily, without l, o, 0 and 1 to read easily.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUP_LENGTH = 4
_LEAST_GROUPS = 7


def generate_password(*, minimum_length: int = 15) -> str:
    """Return a new password of at least 140 random bits, such as ``k7wp-...``: groups of four joined by hyphens.

    It has at least *minimum_length* characters, so it passes a policy that demands as many (ASVS 6.4.1, 11.5.1).
    """
    # Of n groups the password has 5 * n - 1 characters.
    groups = max(_LEAST_GROUPS, -(-(minimum_length + 1) // (_GROUP_LENGTH + 1)))
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(groups))
