"""How a configuration key is declared: its default, documentation, limits and secrets."""

from collections.abc import Callable
from dataclasses import field
from typing import Literal, TypedDict, TypeVar, Unpack

T = TypeVar("T")


class Details(TypedDict, total=False):
    """The optional properties of a key.

    Attributes:
        minimum: Smallest allowed number, or time in seconds.
        maximum: Largest allowed number, or time in seconds.
        contains: Required part of a text.
        example: Value in ``config.example.toml`` if the default would say nothing.
        hidden: The secret part of the value: the ``password`` of a URL, or the ``whole`` value. It is kept out of
            `repr`, error messages and `lback config show`.
        secret_file: Whether the value is the path of a file with secrets, which others must not be able to read.
        private_unless: Another key that names the file with the secrets. If it is not set, they are in this one.
        formerly: The former name of the key, which is refused with a hint.
        choices: The allowed values of a text.
        texts: Whether the items of a list are any texts. Otherwise, they are Python names.
        more_choices: Returns the further values that packages add.
    """

    minimum: float
    maximum: float
    contains: str
    example: str | tuple[str, ...]
    hidden: Literal["password", "whole"]
    secret_file: bool
    private_unless: str
    formerly: str
    choices: tuple[str, ...]
    texts: bool
    more_choices: Callable[[], tuple[str, ...]]


def key(default: T, doc: str, **details: Unpack[Details]) -> T:
    """Declare a configuration key.

    Args:
        default: The value if the key is not set. A text may be empty only if its default is.
        doc: What the key means, for ``config.example.toml``.
        details: The optional properties, as `Details` describes them.
    """
    made: T = field(default=default, repr="hidden" not in details, metadata={"doc": doc, **details})
    return made
