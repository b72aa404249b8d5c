"""Convert configuration values from TOML or text to the type of their key, and back to text."""

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
    """Convert *raw* to the type of *key*. An empty text unsets an optional path.

    Raises `ConfigurationError`, which names the key, its source and the allowed values.
    """
    try:
        value = _texts(raw) if key.metadata.get("texts") else _convert(key.type, raw)
        _check_limits(key, value)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:  # RuntimeError: ~ of an unknown user
        what = "the value" if key.metadata.get("hidden") else _quote(raw) if raw != "" else "an empty value"
        raise ConfigurationError(f"{name} ({source}): {what} is not {describe_allowed(key)}.") from error
    return value


def describe_allowed(key: Field[Any]) -> str:
    """Describe the allowed values of *key*, for a sentence such as "... is not a whole number from 1 to 65535"."""
    if "choices" in key.metadata:
        words = "one of " + ", ".join(key.metadata["choices"])
        return f"{words}, or one that a package adds" if "more_choices" in key.metadata else words
    words = "a list of texts such as a, b" if key.metadata.get("texts") else _words(key.type)
    if "contains" in key.metadata:
        return f"{words} with {key.metadata['contains']} in it"
    if "minimum" in key.metadata and "maximum" in key.metadata:
        limits = (key.metadata["minimum"], key.metadata["maximum"])
        if key.type is timedelta:
            return "{}, from {} to {}".format(words, *(to_text(timedelta(seconds=limit)) for limit in limits))
        return "{} from {} to {}".format(words, *limits)
    return words


def to_text(value: Any) -> str:
    """Return *value* as text that `parse` reads: ``true``, ``24h``, ``a, b``, a path, or nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        # 24h rather than 1d: lifetimes of a day are usually given in hours.
        for unit, size in _UNIT_SECONDS.items():
            if seconds and seconds % size == 0 and (unit != "d" or seconds > size):
                return f"{seconds // size:.0f}{unit}"
        return f"{seconds:g}s" if seconds % 1 else f"{seconds:.0f}s"
    return str(value)


def _check_limits(key: Field[Any], value: Any) -> None:
    if isinstance(value, str):
        if (not value and key.default) or key.metadata.get("contains", "") not in value:
            _refuse()
        if "choices" in key.metadata and value not in key.metadata["choices"]:
            more_choices = key.metadata.get("more_choices", tuple)
            if value not in more_choices():
                _refuse()
    elif isinstance(value, int | float | timedelta):
        size = value.total_seconds() if isinstance(value, timedelta) else value
        # Not two comparisons joined by "or": they would both be false for nan, which TOML and float() accept.
        if not key.metadata.get("minimum", -math.inf) <= size <= key.metadata.get("maximum", math.inf):
            _refuse()


def _convert(wanted: Any, raw: Any) -> Any:
    if get_origin(wanted) is types.UnionType:
        return None if raw in (None, "") else _convert(_inner(wanted), raw)
    if get_origin(wanted) is Literal:
        return raw if raw in get_args(wanted) else _refuse()
    return _READERS[wanted](raw)


def _inner(optional: Any) -> Any:
    """Return the ``X`` of ``X | None``."""
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
    """Return the dotted Python names of a TOML array, or of a comma-separated text."""
    if not isinstance(raw, str | list | tuple):
        _refuse()
    names = [name.strip() for name in raw.split(",") if name.strip()] if isinstance(raw, str) else raw
    if not all(isinstance(name, str) and all(map(str.isidentifier, name.split("."))) for name in names):
        _refuse()
    return tuple(names)


def _texts(raw: Any) -> tuple[str, ...]:
    """Return the texts of a TOML array, or of a comma-separated text."""
    if not isinstance(raw, str | list | tuple):
        _refuse()
    items = [item.strip() for item in raw.split(",")] if isinstance(raw, str) else raw
    return tuple(text for item in items if (text := _text(item)))


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
    raise ValueError  # without the value, because a secret would appear in the traceback


def _quote(raw: Any) -> str:
    """Return *raw* for a message, shortened to fit on a line."""
    try:
        text = repr(raw)
    except ValueError:  # Python refuses to convert an integer of thousands of digits
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
