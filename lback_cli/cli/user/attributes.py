"""The options that set attributes of users, and that select users by them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lback_cli.cli.completion import complete_assignment, complete_condition
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.attributes import UserAttributes, Value

SetAttributes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Set an attribute, such as display_name or one of your own; NAME= unsets it. Repeatable.",
        metavar="NAME=VALUE",
        autocompletion=complete_assignment,
    ),
]
WhereAttributes = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="Only users with this value of an attribute. Repeatable.",
        metavar="NAME=VALUE",
        autocompletion=complete_condition,
    ),
]


def assigned(options: list[str] | None) -> dict[str, str]:
    """Return the values of ``--set`` by name.

    Raises:
        UsageError: An option is not of the form NAME=VALUE, a name comes twice, or has an option of its own.
    """
    pairs = _pairs("--set", options)
    if pairs:
        from lback_cli.attributes import BUILT_IN, RESERVED

        settable = {attribute.name for attribute in BUILT_IN if attribute.storage == "row"}
        if misused := next((name for name in pairs if name in RESERVED - settable), None):
            raise UsageError(f"--set does not set {misused}.", hint="It has an option of its own; see --help.")
    return pairs


def selected(options: list[str] | None, known: "UserAttributes") -> "dict[str, Value]":
    """Return the values of ``--where`` by name.

    Raises:
        UsageError: An option is not of the form NAME=VALUE, or has no value.
        ValidationError: An attribute is unknown, or a value is not of its type.
    """
    found: dict[str, Any] = {}
    for name, value in known.parse_rows(_pairs("--where", options)).items():
        if value is None:
            raise UsageError(f"--where {name}= has no value.")
        found[name] = value
    return found


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(f"{option} {text[:40]}: it has to be NAME=VALUE.")
        if name in pairs:
            raise UsageError(f"{option}: {name} comes twice.")
        pairs[name] = value
    return pairs
