"""The brake on mistakes with many users: how many of all may be deleted or deactivated at once."""

from math import ceil

from lback_cli.errors import ShareExceeded

DEFAULT_SHARE = 10.0
"""Percent of all users."""

FEW = 5
"""Fewer users than this are never too many."""


def check_share(what: str, count: int, total: int, *, max_share: float | None) -> None:
    """Refuse to delete or deactivate more than a share of all users.

    Args:
        what: What would be done, such as "delete".
        count: To how many users.
        total: How many users there are.
        max_share: The percentage of all users that may be exceeded by none; None for the default.

    Raises:
        ShareExceeded: There are too many.
    """
    limit = DEFAULT_SHARE if max_share is None else max_share
    if count < FEW or count * 100 <= total * limit:
        return
    share = ceil(count * 100 / total)
    raise ShareExceeded(
        f"This would {what} {count} of {total} users ({share} %). The limit is {limit:g} %.",
        hint=f"If that is what you want, add --max-share {share}.",
    )
