"""config.example.toml is generated from the schema."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from lback_cli.settings.parsing import describe_allowed
from lback_cli.settings.schema import families, keys, sections
from lback_cli.settings.sinks import kinds
from tools.generate_config_example import FILE, MEMBERS, render

Workspace = Any  # conftest.Workspace

KEYS = {(section.name, key.name): key for section in sections() for key in keys(section)}
for family in families():
    KEYS |= {(f"{family.name}.{MEMBERS[family.name]}", key.name): key for key in keys(family)}
    for kind, declared in kinds(family).items():
        KEYS |= {(f"{family.name}.{kind}", key.name): key for key in fields(declared) if key not in keys(family)}
COMMENTED = re.compile(r"^# (?=[a-z_]+ = |\[\w+\.\w+\]$)", re.MULTILINE)


def uncommented() -> str:
    return COMMENTED.sub("", FILE.read_text("utf-8"))


def test_file_is_up_to_date() -> None:
    assert FILE.read_text("utf-8") == render(), "run: python tools/generate_config_example.py"


def test_file_changes_no_setting(workspace: Workspace) -> None:
    assert set(workspace.load(FILE).sources.values()) == {"default"}


def test_uncommented_file_names_every_key_in_order() -> None:
    document = tomllib.loads(uncommented())
    for family in families():
        document |= {f"{family.name}.{name}": table for name, table in document.pop(family.name).items()}
    assert [(section, key) for section, table in document.items() for key in table] == list(KEYS)


def test_uncommented_file_loads_as_the_defaults_and_the_example_paths(workspace: Workspace) -> None:
    settings = workspace.load(workspace.write("uncommented.toml", uncommented()))
    for (section, name), key in KEYS.items():
        family, _, member = section.partition(".")
        holder = getattr(settings, family)
        value = getattr(holder[member] if member else holder, name)
        if key.default is None:
            assert value == Path(key.metadata["example"])
        else:
            expected = key.metadata.get("example", key.default)
            assert (value, type(value)) == (expected, type(expected))
    named = {settings.sources[f"{section}.{name}"] for section, name in KEYS}
    assert named == {str(workspace.directory / "uncommented.toml")}


def test_each_key_follows_its_documentation_and_allowed_values() -> None:
    text = " ".join(line.removeprefix("# ") for line in FILE.read_text("utf-8").splitlines())
    for (_, name), key in KEYS.items():
        is_limited = key.type is not str or key.metadata.keys() & {"contains", "choices"}
        limits = f"Allowed: {describe_allowed(key)}. " if is_limited else ""
        unset = "Not set by default; for example: " if key.default is None else ""
        assert f"{key.metadata['doc']} {limits}{unset}{name} = " in text


def test_lines_have_at_most_100_columns() -> None:
    assert max(map(len, FILE.read_text("utf-8").splitlines())) <= 100
