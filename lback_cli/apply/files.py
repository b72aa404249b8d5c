"""Reading the files of `lback apply`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lback_cli.apply.desired_state import DesiredState, StateReader
from lback_cli.apply.nodes import Faults, Node, Place
from lback_cli.errors import InvalidFile, UsageError
from lback_cli.managers.dependencies import Dependencies

STDIN = "-"

FORMATS = (".yaml", ".yml", ".json", ".toml")


def read_files(paths: Sequence[str], services: Dependencies) -> DesiredState:
    """Return what the files together ask for, with their faults; ``-`` is YAML from standard input.

    Raises:
        UsageError: A file cannot be read, or has no known format.
    """
    state = DesiredState()
    reader = StateReader(services, state)
    for path in paths:
        faults = Faults("standard input" if path == STDIN else path)
        parse = _parser(path)
        text = _text(_bytes(path), faults)
        reader.read(None if text is None else parse(text, faults), faults)
    return state


def require_no_faults(state: DesiredState) -> None:
    """Raise `InvalidFile` if there are faults."""
    found = [fault for faults in state.faults for fault in sorted(faults.found)]
    if found:
        count = "1 fault" if len(found) == 1 else f"{len(found)} faults"
        files = dict.fromkeys(fault.file for fault in found)
        verb = "has" if len(files) == 1 else "have"
        raise InvalidFile(f"{', '.join(files)} {verb} {count}. Nothing was changed.", [str(fault) for fault in found])


def _parser(path: str) -> Callable[[str, Faults], Node | None]:
    suffix = ".yaml" if path == STDIN else Path(path).suffix.lower()
    if suffix in {".yaml", ".yml"}:
        from lback_cli.apply.yaml_reader import read_yaml

        return read_yaml
    if suffix == ".json":
        from lback_cli.apply.json_reader import read_json

        return read_json
    if suffix == ".toml":
        from lback_cli.apply.toml_reader import read_toml

        return read_toml
    raise UsageError(f"The name of {path} does not show its format.", hint=f"Let it end with {', '.join(FORMATS)}.")


def _bytes(path: str) -> bytes:
    if path == STDIN:
        if sys.stdin is None:
            raise UsageError("Standard input is closed.")
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"Cannot read {path}: {reason}.") from error


def _text(raw: bytes, faults: Faults) -> str | None:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode("utf-8", "replace")) + 1
        faults.add(Place(before.count(b"\n") + 1, column), "This is not UTF-8.")
        return None
