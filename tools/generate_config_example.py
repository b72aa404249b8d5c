"""Write ``config.example.toml`` from the settings' schema: ``python tools/generate_config_example.py``."""

import json
from dataclasses import Field, fields
from datetime import timedelta
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, get_origin

from lback_cli.settings.parsing import describe_allowed, to_text
from lback_cli.settings.schema import families, keys, section_class, sections
from lback_cli.settings.sinks import kinds

FILE = Path(__file__).parents[1] / "config.example.toml"

WIDTH = 100

MEMBERS = {"attributes": "phone", "relay": "audit"}
"""The name of the example section of each family. The section of a kind has the name of the kind."""

_INTRODUCTION = """
Configuration of lback. This file lists every key with its default. lback runs without any of them.

Copy it to ./lback.toml, or to lback/config.toml in your configuration directory (on Linux
~/.config/lback/config.toml), and uncomment what you change. --config PATH and LBACK_CONFIG name another file.

Each key can be set by an environment variable too: url in [database] is LBACK_DATABASE_URL. Later sources override
earlier ones: this file, .env in the current directory, the environment, the command line. 'lback config show' shows
the source of each value. An unknown key in this file is an error. An unknown LBACK_ variable is only a warning,
because a container platform may set such variables.

Relative paths start at the directory in which lback runs. ~ is your home directory.
"""


def render() -> str:
    """Return the text of ``config.example.toml``.

    The headers of sections are active and all keys are comments, so the file changes nothing. The headers of families
    are comments too, because a header alone would create a section.
    """
    parts = ["\n#\n".join(_comment(paragraph) for paragraph in _INTRODUCTION.strip().split("\n\n"))]
    for section in sections():
        parts.append(f"\n{_comment(section_class(section).__doc__ or '')}\n[{section.name}]")
        parts += [_entry(key) for key in keys(section)]
    for family in families():
        parts.append(_member_header(section_class(family), family.name, MEMBERS[family.name]))
        parts += [_entry(key) for key in keys(family)]
        for kind, declared in kinds(family).items():
            parts.append(_member_header(declared, family.name, kind))
            parts += [_entry(key) for key in fields(declared) if key not in keys(family)]
    return "\n\n".join(parts) + "\n"


def _member_header(declared: type, family: str, name: str) -> str:
    about = f"{declared.__doc__} You choose the name, here {name}."
    return f"\n{_comment(about)}\n# [{family}.{name}]"


def _entry(key: Field[Any]) -> str:
    """Return the documentation of *key*, its allowed values unless any text is allowed, and its default."""
    lines = [_comment(key.metadata["doc"])]
    unset = key.default is None
    if key.type is not str or key.metadata.keys() & {"contains", "choices"}:
        lines.append(
            _comment(f"Allowed: {describe_allowed(key)}.{' Not set by default; for example:' if unset else ''}")
        )
    lines.append(f"# {key.name} = {_toml(key, key.metadata.get('example', key.default))}")
    return "\n".join(lines)


def _comment(text: str) -> str:
    # Keep URLs and paths in one piece, so that they can be copied.
    lines = wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"# {line}" for line in lines)


def _toml(key: Field[Any], value: Any) -> str:
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    quoted = isinstance(value, str | Path | timedelta) or get_origin(key.type) is Literal
    # TOML's basic strings use the escapes of JSON.
    return json.dumps(to_text(value), ensure_ascii=False) if quoted else to_text(value)


if __name__ == "__main__":
    FILE.write_text(render(), "utf-8")
