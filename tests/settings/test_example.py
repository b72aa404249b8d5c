import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lback_cli.settings.example import MEMBERS, render_example
from lback_cli.settings.parsing import allowed
from lback_cli.settings.schema import families, keys, sections

Place = Any  # of conftest.py

FILE = Path(__file__).parents[2] / "config.example.toml"
KEYS = {(section.name, key.name): key for section in sections() for key in keys(section)} | {
    (f"{family.name}.{MEMBERS[family.name]}", key.name): key for family in families() for key in keys(family)
}
COMMENTED = re.compile(r"^# (?=[a-z_]+ = |\[\w+\.\w+\]$)", re.MULTILINE)

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="runs where the source tree is")


def uncommented() -> str:
    return COMMENTED.sub("", FILE.read_text("utf-8"))


def test_the_file_is_what_the_schema_says() -> None:
    assert FILE.read_text("utf-8") == render_example(), (
        "config.example.toml is stale: write lback_cli.settings.example.render_example() to it"
    )


def test_the_file_as_it_is_changes_nothing(place: Place) -> None:
    assert set(place.load(FILE).sources.values()) == {"default"}


def test_uncommented_it_names_every_key_in_order() -> None:
    document = tomllib.loads(uncommented())
    for family in families():
        document |= {f"{family.name}.{name}": table for name, table in document.pop(family.name).items()}
    assert [(section, key) for section, table in document.items() for key in table] == list(KEYS)


def test_uncommented_it_loads_as_the_defaults_but_for_unset_paths(place: Place) -> None:
    settings = place.load(place.write("uncommented.toml", uncommented()))
    for (section, name), key in KEYS.items():
        family, _, member = section.partition(".")
        holder = getattr(settings, family)
        value = getattr(holder[member] if member else holder, name)
        if key.default is None:
            assert value == Path(key.metadata["example"])
        else:
            assert (value, type(value)) == (key.default, type(key.default))
    assert set(settings.sources.values()) == {str(place.directory / "uncommented.toml")}


def test_every_key_stands_below_its_documentation_and_what_it_allows() -> None:
    text = " ".join(line.removeprefix("# ") for line in FILE.read_text("utf-8").splitlines())
    for (_, name), key in KEYS.items():
        limits = f"Allowed: {allowed(key)}. " if key.type is not str or "contains" in key.metadata else ""
        unset = "Not set by default; for example: " if key.default is None else ""
        assert f"{key.metadata['doc']} {limits}{unset}{name} = " in text


def test_no_line_is_longer_than_100_columns() -> None:
    assert max(map(len, FILE.read_text("utf-8").splitlines())) <= 100
