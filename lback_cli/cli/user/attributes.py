"""The option that sets attributes of users."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.completion import complete_assignment
from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe
from lback_cli.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from lback_cli.attributes import UserAttributes

SetAttributes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Set an attribute, such as display_name or one of your own; NAME= unsets it. Repeatable.",
        metavar="NAME=VALUE",
        autocompletion=complete_assignment,
    ),
]


def assigned(options: list[str] | None, known: "Callable[[], UserAttributes]") -> dict[str, str]:
    """Return the values of ``--set`` by name. *known* returns the attributes, and is called only if there are values.

    Raises:
        UsageError: An option is not of the form NAME=VALUE, or a name comes twice, is unknown, or has an option of its
            own.
    """
    pairs = _pairs(options)
    settable = [attribute.name for attribute in known().rows] if pairs else []
    for name in pairs:
        if name not in settable:
            raise _not_settable(name, settable)
    return pairs


def _not_settable(name: str, settable: Sequence[str]) -> UsageError:
    from lback_cli.attributes import RESERVED

    if name in RESERVED:
        return UsageError(f"--set does not set {name}.", hint="It has an option of its own; see --help.")
    advice = did_you_mean(name, settable) or f"Attributes are {', '.join(settable)}."
    return UsageError(f"--set: there is no attribute {safe(name, limit=40)}.", hint=advice)


def _pairs(given: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(f"--set {text[:40]}: it has to be NAME=VALUE.")
        if name in pairs:
            raise UsageError(f"--set: {name} comes twice.")
        pairs[name] = value
    return pairs
