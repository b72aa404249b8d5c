"""Parameters of Typer that do not load pydantic for text and numbers. docs/decisions/0013 says what it saves."""

import re
from pathlib import Path
from typing import Any

import typer

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
"""A number as a person writes it."""

_OTHER: Any = object()
"""Stands for a value that Typer itself coerces."""


def lighten(parameter: Any) -> Any:
    """Return Typer's *parameter*, changed: it coerces light values itself, and a flag shows no type in the help."""
    if getattr(parameter, "is_flag", False):
        parameter.metavar = ""
    if "get_runtime_param" not in vars(parameter):
        coercion = _LightCoercion(parameter)
        parameter.get_runtime_param = lambda: coercion
    return parameter


class _LightCoercion:
    """Coerces text, numbers, paths, choices and defaults without pydantic, and leaves all else to Typer."""

    def __init__(self, parameter: Any) -> None:
        self._typers_own = parameter.get_runtime_param
        self._type = parameter.type_descriptor.annotation
        self._choices = parameter.type_descriptor.choices

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        """Return what Typer would return for *value*."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if isinstance(self._type, type) and isinstance(value, self._type):
            return value  # text as it is, or a default
        light = self._light(value, param)
        return self._typers_own().coerce(value, param=param, ctx=ctx) if light is _OTHER else light

    def _light(self, value: Any, param: Any) -> Any:
        """Return the value that was written as *value*, or `_OTHER` if pydantic is needed."""
        if isinstance(value, str) and value in (self._choices or ()):
            # The choice itself, which may be the member of an enumeration.
            return next(choice for choice in self._choices if choice == value)
        if isinstance(value, str) and self._type is Path:
            return Path(value)
        if self._type is int and self._is_number(value, param):
            return int(value)
        if self._type == list[int] and all(self._is_number(item, param) for item in value):
            return list(map(int, value))
        if self._type == list[str] and all(isinstance(item, str) for item in value):
            return list(value)
        return _OTHER

    @staticmethod
    def _is_number(value: Any, param: Any) -> bool:
        """Return whether *value* is the text of a number that *param* allows."""
        if not (isinstance(value, str) and _NUMBER.fullmatch(value)):
            return False
        return (param.min is None or int(value) >= param.min) and (param.max is None or int(value) <= param.max)
