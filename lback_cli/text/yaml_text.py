"""YAML whose text stays text in every reader."""

import re
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_.@/ -]*[A-Za-z0-9_])?")
_RESERVED = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""Words that YAML 1.1 or 1.2 reads as a boolean or as null, in lower case."""

_WIDTH = 2**31 - 1
"""Columns after which a line is wrapped: never, as this is libyaml's largest."""

# The C emitter of libyaml is some ten times as fast; PyYAML has it wherever it was built with libyaml.
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]  # one of two base classes
    """Writes text so that no reader takes it for something else, and repeats what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class has it
        """Write no anchors."""
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    # YAML cannot hold lone surrogates, which stand for bytes that are not UTF-8: they are shown as escapes.
    text = text.encode("utf-8", "backslashreplace").decode()
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_multi_representer(str, _represent_text)
_Dumper.add_representer(str, _represent_text)


def dump_yaml(data: Any) -> str:
    """Return *data* as a YAML document."""
    # What is not ASCII is escaped, as in JSON, so that no terminal acts on it.
    text: str = yaml.dump(
        data, Dumper=_Dumper, allow_unicode=False, default_flow_style=False, sort_keys=False, width=_WIDTH
    )
    return text
