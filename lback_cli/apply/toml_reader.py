"""Read TOML. The library gives no places, so they are looked up in the usual form: a header or key on its own line."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from lback_cli.apply.nodes import START, Faults, Key, Node, Place

_WHERE = re.compile(
    r"^(?P<problem>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)
_LINE = re.compile(
    r"^[ \t]*(?:\[\[[ \t]*(?P<array>[A-Za-z0-9_.-]+)[ \t]*\]\]|\[[ \t]*(?P<table>[A-Za-z0-9_.-]+)[ \t]*\]"
    r"|(?P<key>[A-Za-z0-9_-]+)[ \t]*=)",
    re.MULTILINE,
)

_Path = tuple[str | int, ...]


def read_toml(text: str, faults: Faults) -> Node | None:
    """Return the table of *text*, or None if it is not TOML."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _WHERE.match(str(error))
        line = text.count("\n") + 1 if match is None or match["line"] is None else int(match["line"])
        column = 1 if match is None or match["column"] is None else int(match["column"])
        faults.add(Place(line, column), f"This is not TOML: {match['problem'] if match else error}.")
        return None
    except RecursionError:
        faults.add(START, "This is not TOML: the values are nested too deeply.")
        return None
    return _node(table, (), START, _places(text))


def _node(value: Any, path: _Path, place: Place, places: Mapping[_Path, Place]) -> Node:
    """Return the node of *value*; *place* is that of its parent, for a value without a place of its own."""
    place = places.get(path, place)
    if isinstance(value, dict):
        entries: dict[str, Node] = {}
        for name, item in value.items():
            at = places.get((*path, name), place)
            entries[Key(name, at)] = _node(item, (*path, name), at, places)
        return Node(entries, place)
    if isinstance(value, list):
        return Node([_node(item, (*path, number), place, places) for number, item in enumerate(value)], place)
    return Node(value if isinstance(value, str | bool | int | float) else str(value), place)


def _places(text: str) -> dict[_Path, Place]:
    """Return the places of headers and of keys at the beginning of a line, by their paths."""
    places: dict[_Path, Place] = {}
    table: _Path = ()
    counts: dict[str, int] = {}
    line, counted = 1, 0
    for match in _LINE.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        place = Place(line, len(match[0]) - len(match[0].lstrip()) + 1)
        if (name := match["array"]) is not None:
            counts[name] = counts.get(name, -1) + 1
            table = (name, counts[name])
        elif (name := match["table"]) is not None:
            first, *rest = name.split(".")
            table = (first, counts[first], *rest) if first in counts else (first, *rest)
        else:
            places.setdefault((*table, match["key"]), place)
            continue
        places.setdefault(table, place)
        places.setdefault((table[0],), place)
    return places
