"""``config.example.toml``: every key with its meaning, what it takes and its default, made from the schema."""

import json
from dataclasses import Field
from datetime import timedelta
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, get_origin

from lback_cli.settings.parsing import allowed, as_text
from lback_cli.settings.schema import families, keys, section_class, sections

WIDTH = 100

MEMBERS = {"relay": "audit"}
"""The name that the example gives to a section of each family."""

_INTRODUCTION = """
Configuration of lback. Every key is here with its default; lback runs without any of them.

Copy this file to ./config.toml, or to lback/config.toml in your configuration directory (on Linux
~/.config/lback/config.toml), and uncomment what you change. --config PATH or LBACK_CONFIG name another place.

Each key is an environment variable too: url in [database] is LBACK_DATABASE_URL. Set in several places, a key has its
value from the last of these: this file, .env in the current directory, the environment, the command line.
'lback config show' tells which one it was.

A relative path starts at the directory in which lback is run; ~ is your home.
"""


def render_example() -> str:
    """The text of ``config.example.toml``: as it is, it changes nothing.

    Section headers stand, keys are comments, and so are the headers of a family.
    """
    parts = ["\n#\n".join(_comment(paragraph) for paragraph in _INTRODUCTION.strip().split("\n\n"))]
    for section in sections():
        parts.append(f"\n{_comment(section_class(section).__doc__ or '')}\n[{section.name}]")
        parts += [_entry(key) for key in keys(section)]
    for family in families():
        # A header alone would make one.
        parts.append(f"\n{_comment(section_class(family).__doc__ or '')}\n# [{family.name}.{MEMBERS[family.name]}]")
        parts += [_entry(key) for key in keys(family)]
    return "\n\n".join(parts) + "\n"


def _entry(key: Field[Any]) -> str:
    """One key: its documentation, what it takes unless that is any text, and its default."""
    lines = [_comment(key.metadata["doc"])]
    unset = key.default is None
    if key.type is not str or "contains" in key.metadata:
        lines.append(_comment(f"Allowed: {allowed(key)}.{' Not set by default; for example:' if unset else ''}"))
    lines.append(f"# {key.name} = {_toml(key, key.metadata['example'] if unset else key.default)}")
    return "\n".join(lines)


def _comment(text: str) -> str:
    # A wrapped URL or path could not be copied.
    lines = wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"# {line}" for line in lines)


def _toml(key: Field[Any], value: Any) -> str:
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    quoted = isinstance(value, str | Path | timedelta) or get_origin(key.type) is Literal
    # TOML's basic strings escape as JSON's do.
    return json.dumps(as_text(value), ensure_ascii=False) if quoted else as_text(value)
