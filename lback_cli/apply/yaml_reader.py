"""Read YAML as text: nothing is a number, a boolean or null, and what is ambiguous or dangerous is a fault.

The events of the parser are enough. The library's own loaders would resolve ``no`` to false and expand aliases.
"""

from typing import Any

import yaml

from lback_cli.apply.nodes import DEEPEST, START, Faults, Key, Node, Place

# libyaml's parser is fast; PyYAML has it wherever it was built with libyaml.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_SHORT = {"tag:yaml.org,2002:": "!!"}


def read_yaml(text: str, faults: Faults) -> Node | None:
    """Return the only document of *text*, or None if there is none or it cannot be read. Scalars are text."""
    builder = _Builder(faults)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if not builder.add(event):
                return None
    except yaml.MarkedYAMLError as error:
        place = START if error.problem_mark is None else _place(error.problem_mark)
        faults.add(place, f"This is not YAML: {error.problem or error.context}.")
        return None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        faults.add(_place_of_character(text, getattr(error, "position", 0)), "This is not YAML: a forbidden character.")
        return None
    return builder.root


class _Builder:
    """Builds nodes from events, without recursion."""

    def __init__(self, faults: Faults) -> None:
        self.root: Node | None = None
        self._faults = faults
        self._open: list[tuple[Node, list[Node]]] = []  # a collection, and for a mapping keys and values in turn
        self._documents = 0

    def add(self, event: Any) -> bool:
        """Take the next event; return false if the rest cannot be read."""
        place = _place(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._faults.add(place, "The file has a second document. Put everything into one.")
                return False
        elif isinstance(event, yaml.AliasEvent):
            self._faults.add(place, f"The alias *{event.anchor} is not allowed. Write the value.")
            self._place_value(Node("", place))
        elif isinstance(event, yaml.NodeEvent):
            return self._begin(event, place)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        return True

    def _begin(self, event: Any, place: Place) -> bool:
        if event.anchor is not None:
            self._faults.add(place, f"The anchor &{event.anchor} is not allowed.")
        if event.tag is not None and event.tag != "!":
            tag = event.tag
            for long, short in _SHORT.items():
                tag = tag.replace(long, short)
            self._faults.add(place, f"The tag {tag} is not allowed. All values are text.")
        if isinstance(event, yaml.ScalarEvent):
            self._place_value(Node(event.value, place))
        elif len(self._open) == DEEPEST:
            self._faults.add(place, "The lists and mappings are nested too deeply.")
            return False
        else:
            empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._open.append((Node(empty, place), []))
        return True

    def _end(self) -> None:
        node, parts = self._open.pop()
        if isinstance(node.value, list):
            node.value.extend(parts)
        else:
            _fill(node.value, parts, self._faults)
        self._place_value(node)

    def _place_value(self, node: Node) -> None:
        if self._open:
            self._open[-1][1].append(node)
        else:
            self.root = node


def _fill(mapping: Any, parts: list[Node], faults: Faults) -> None:
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if not isinstance(key.value, str):
            faults.add(key.place, "A key must be text.")
        elif key.value in mapping:
            faults.add(key.place, f"The key {key.value} comes twice.")
        else:
            mapping[Key(key.value, key.place)] = value


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _place_of_character(text: str, index: int) -> Place:
    before = text[:index]
    return Place(before.count("\n") + 1, index - before.rfind("\n"))
