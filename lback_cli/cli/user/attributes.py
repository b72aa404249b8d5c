"""The option that sets attributes of users."""

from typing import Annotated

import typer

from lback_cli.cli.completion import complete_assignment
from lback_cli.errors import UsageError

SetAttributes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Set an attribute, such as display_name or one of your own; NAME= unsets it. Repeatable.",
        metavar="NAME=VALUE",
        autocompletion=complete_assignment,
    ),
]


def assigned(options: list[str] | None) -> dict[str, str]:
    """Return the values of ``--set`` by name.

    Raises:
        UsageError: An option is not of the form NAME=VALUE, a name comes twice, or has an option of its own.
    """
    pairs = _pairs(options)
    if pairs:
        from lback_cli.attributes import BUILT_IN, RESERVED

        settable = {attribute.name for attribute in BUILT_IN if attribute.storage == "row"}
        if misused := next((name for name in pairs if name in RESERVED - settable), None):
            raise UsageError(f"--set does not set {misused}.", hint="It has an option of its own; see --help.")
    return pairs


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
