"""Check the types of the arguments that callers pass to operations."""

from typing import Any

from lback_cli.errors import ValidationError


def require_text(**arguments: Any) -> None:
    """Refuse arguments that are not text.

    Raises:
        ValidationError: One of *arguments* is not a str.
    """
    for name, value in arguments.items():
        if not isinstance(value, str):
            raise ValidationError(name, f"{name} must be text, not {type(value).__name__}.")


def require_id(user_id: Any) -> None:
    """Refuse a *user_id* that is not a number.

    Raises:
        ValidationError: *user_id* is not an int.
    """
    if not isinstance(user_id, int):
        raise ValidationError("user_id", f"user_id must be a number, not {type(user_id).__name__}.")
