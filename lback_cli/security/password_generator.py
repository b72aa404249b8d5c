"""Generate passwords."""

import secrets

# 32 characters, five bits each: lower case, which is easy to type, without l, o, 0 and 1, which are easily confused.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUP_LENGTH = 4
_MINIMUM_GROUPS = 7


def generate_password(*, minimum_length: int = 15) -> str:
    """Return a random password such as ``k7wp-...``: groups of four characters joined by hyphens.

    It has at least 140 random bits (ASVS 6.4.1, 11.5.1) and at least *minimum_length* characters.
    """
    # n groups have 5 * n - 1 characters.
    groups = max(_MINIMUM_GROUPS, -(-(minimum_length + 1) // (_GROUP_LENGTH + 1)))
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(groups))
