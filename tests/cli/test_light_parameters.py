"""Typer has the names that `light_parameters` replaces, and values are coerced as Typer coerces them.

If this fails after an upgrade of Typer, read docs/decisions/0013-light-parameters.md.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.core import TyperArgument, TyperOption

from lback_cli.cli.light_parameters import lighten


class Color(StrEnum):
    RED = "red"


def declared(  # noqa: PLR0917 - Typer passes by name what is declared by position
    text: str,
    paths: Annotated[Path | None, typer.Option()] = None,
    choice: Annotated[Literal["a", "b"] | None, typer.Option()] = None,
    color: Annotated[Color, typer.Option()] = Color.RED,
    number: Annotated[int, typer.Option(min=0)] = 3,
    many: Annotated[list[str] | None, typer.Option()] = None,
    numbers: Annotated[list[int] | None, typer.Option()] = None,
    small: Annotated[int | None, typer.Option(max=9)] = None,
    flag: Annotated[bool, typer.Option("--flag")] = False,
) -> None:
    """Take a parameter of each kind that lback uses."""


def command() -> Any:
    app = typer.Typer(add_completion=False)
    app.command()(declared)
    return typer.main.get_command(app)


def test_typer_has_the_names_that_are_replaced() -> None:
    for kind in (TyperArgument, TyperOption):
        assert callable(kind.get_runtime_param)
    for parameter in command().params:
        assert hasattr(parameter.type_descriptor, "annotation")
        assert hasattr(parameter.type_descriptor, "choices")
        assert callable(parameter.get_runtime_param().coerce)


def test_typer_coerces_by_what_replaces_its_own() -> None:
    found = command()
    (text, *_) = map(lighten, found.params)
    text.get_runtime_param().coerce = lambda value, param, **_: f"{value}, by {param.name}"
    assert found.make_context("x", ["hello"]).params["text"] == "hello, by text"


@pytest.mark.parametrize(
    "arguments",
    [
        ("x",),
        ("x", "--paths", "a/b", "--choice", "b", "--color", "red", "--number", "7", "--flag"),
        ("x", "--many", "a", "--many", "b", "--numbers", "1", "--numbers", "2"),
        ("x", "--number", "0", "--numbers", "999999999999999999", "--numbers", "0"),
        ("x", "--number", "1000000000000000000000", "--numbers", "-1", "--numbers", "007"),
        ("x", "--number", "9", "--small", "9"),
        ("",),
    ],
)
def test_values_are_those_of_typer(arguments: tuple[str, ...]) -> None:
    plain, light = command(), command()
    for parameter in light.params:
        lighten(parameter)
    expected, found = (each.make_context("x", list(arguments)).params for each in (plain, light))
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in expected.items()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("x", "--choice", "c"),
        ("x", "--color", "blue"),
        ("x", "--number", "-1"),
        ("x", "--number", "many"),
        ("x", "--small", "10"),
        (),
    ],
)
def test_refusals_are_those_of_typer(arguments: tuple[str, ...]) -> None:
    plain, light = command(), command()
    for parameter in light.params:
        lighten(parameter)
    messages = []
    for each in (plain, light):
        with pytest.raises(typer.TyperException) as caught:
            each.make_context("x", list(arguments))
        messages.append(caught.value.format_message())
    assert messages[0] == messages[1]
