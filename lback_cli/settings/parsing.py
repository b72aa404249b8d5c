"""Turn a raw configuration value, from TOML or a string, into the type that its key declares, and back into text."""

import math
import re
import types
from collections.abc import Callable
from dataclasses import Field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

from lback_cli.errors import ConfigurationError
from lback_cli.text.times import parse_duration

_UNIT_SECONDS = {"d": 86400, "h": 3600, "m": 60}
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_QUOTE = 80


def parse(key: Field[Any], raw: Any, *, name: str, source: str) -> Any:
    """Read *raw* as the type of *key*; an optional path is unset by an empty string.

    Raises `ConfigurationError` that names the key, its source and what is allowed.
    """
    try:
        value = _convert(key.type, raw)
        _check_limits(key, value)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:  # RuntimeError: ~ of a user who is not
        what = "the value" if key.metadata.get("hidden") else _quote(raw)
        raise ConfigurationError(f"{name} ({source}): {what} is not {allowed(key)}.") from error
    return value


def allowed(key: Field[Any]) -> str:
    """What values *key* takes, in words that follow "is not": ``a whole number from 1 to 65535``."""
    words = _words(key.type)
    if "contains" in key.metadata:
        return f"{words} with {key.metadata['contains']} in it"
    if "minimum" in key.metadata and "maximum" in key.metadata:
        limits = (key.metadata["minimum"], key.metadata["maximum"])
        if key.type is timedelta:
            return "{}, from {} to {}".format(words, *(as_text(timedelta(seconds=limit)) for limit in limits))
        return "{} from {} to {}".format(words, *limits)
    return words


def as_text(value: Any) -> str:
    """Write *value* as `parse` reads it: ``true``, ``24h``, ``a, b``, a path as given, and nothing at all for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        # 24h rather than 1d: hours are the customary unit of a lifetime until they no longer fit it.
        for unit, size in _UNIT_SECONDS.items():
            if seconds and seconds % size == 0 and (unit != "d" or seconds > size):
                return f"{seconds // size:.0f}{unit}"
        return f"{seconds:g}s" if seconds % 1 else f"{seconds:.0f}s"
    return str(value)


def _check_limits(key: Field[Any], value: Any) -> None:
    if isinstance(value, str):
        if (not value and key.default) or key.metadata.get("contains", "") not in value:
            _refuse()
    elif isinstance(value, int | float | timedelta):
        size = value.total_seconds() if isinstance(value, timedelta) else value
        # Not two comparisons joined by "or": nan, which TOML and float() know, would pass them.
        if not key.metadata.get("minimum", -math.inf) <= size <= key.metadata.get("maximum", math.inf):
            _refuse()


def _convert(wanted: Any, raw: Any) -> Any:
    if get_origin(wanted) is types.UnionType:
        return None if raw in (None, "") else _convert(_inner(wanted), raw)
    if get_origin(wanted) is Literal:
        return raw if raw in get_args(wanted) else _refuse()
    return _READERS[wanted](raw)


def _inner(optional: Any) -> Any:
    """The ``X`` of ``X | None``."""
    (inner,) = (choice for choice in get_args(optional) if choice is not types.NoneType)
    return inner


def _boolean(raw: Any) -> bool:
    if isinstance(raw, str) and (word := raw.strip().lower()) in _BOOLEANS:
        return _BOOLEANS[word]
    return raw if isinstance(raw, bool) else _refuse()


def _whole(raw: Any) -> int:
    return int(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else _refuse()


def _number(raw: Any) -> float:
    return float(raw) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else _refuse()


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) and not _NOT_TEXT.search(raw) else _refuse()


def _module_names(raw: Any) -> tuple[str, ...]:
    """The names in a TOML array, or between the commas of a string; each a dotted name of Python's."""
    if not isinstance(raw, str | list | tuple):
        _refuse()
    names = [name.strip() for name in raw.split(",") if name.strip()] if isinstance(raw, str) else raw
    if not all(isinstance(name, str) and all(map(str.isidentifier, name.split("."))) for name in names):
        _refuse()
    return tuple(names)


def _path(raw: Any) -> Path:
    return Path(raw).expanduser() if isinstance(raw, str | Path) and "\0" not in str(raw) else _refuse()


_READERS: dict[Any, Callable[[Any], Any]] = {
    bool: _boolean,
    int: _whole,
    float: _number,
    str: _text,
    Path: _path,
    tuple[str, ...]: _module_names,
    timedelta: parse_duration,
}


def _refuse() -> NoReturn:
    raise ValueError  # without the value, which may be a secret and would show in a traceback


def _quote(raw: Any) -> str:
    """*Raw* as a message shows it, never longer than a line."""
    try:
        text = repr(raw)
    except ValueError:  # Python refuses to write out an integer of thousands of digits
        return "a number that long"
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _words(wanted: Any) -> str:
    if get_origin(wanted) is types.UnionType:
        return _words(_inner(wanted))
    if get_origin(wanted) is Literal:
        return "one of " + ", ".join(get_args(wanted))
    words = {
        bool: "true or false",
        timedelta: "a time such as 90s, 30m, 24h or 7d",
        Path: "a path",
        tuple[str, ...]: "a list of modules such as company.accounts",
        str: "one line of text",
        int: "a whole number",
        float: "a number",
    }
    return words[wanted]
