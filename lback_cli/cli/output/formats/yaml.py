"""``-o yaml``: a YAML document, whose text stays text in every reader."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from lback_cli.cli.output.format import OutputFormat, Record

_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_.@/ -]*[A-Za-z0-9_])?")
_RESERVED = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""Words that YAML 1.1 or 1.2 reads as a boolean or as null, in lower case."""

_WIDTH = 2**31 - 1
"""Columns after which a line is wrapped: never, as this is libyaml's largest."""


class YamlFormat(OutputFormat):
    """A mapping, or a sequence of mappings; a document for each record of a stream."""

    json_errors = True  # a JSON object is YAML too
    nested = True

    def record(self, record: Record) -> None:
        """Write a mapping."""
        self.out.write(_dump(dict(record)))

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a sequence, a mapping at a time."""
        empty = True
        for record in records:
            self.out.write(_dump([dict(record)]))
            empty = False
        if empty:
            self.out.write("[]\n")

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a document for each record."""
        for record in records:
            self.out.write(f"---\n{_dump(dict(record))}")
            self.out.flush()


# The C emitter of libyaml is some ten times as fast; PyYAML has it wherever it was built with libyaml.
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]  # one of two base classes
    """Writes text so that no reader takes it for something else, and repeats what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write no anchors."""
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    # YAML cannot hold lone surrogates, which stand for bytes that are not UTF-8: they are shown as escapes.
    text = text.encode("utf-8", "backslashreplace").decode()
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_multi_representer(str, _represent_text)
_Dumper.add_representer(str, _represent_text)


def _dump(data: Any) -> str:
    # What is not ASCII is escaped, as in JSON, so that no terminal acts on it.
    text: str = yaml.dump(
        data, Dumper=_Dumper, allow_unicode=False, default_flow_style=False, sort_keys=False, width=_WIDTH
    )
    return text
