"""YAML, JSON and TOML give the same nodes, and each fault its place."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.apply.json_reader import read_json
from lback_cli.apply.nodes import Faults, Node
from lback_cli.apply.toml_reader import read_toml
from lback_cli.apply.yaml_reader import read_yaml
from lback_cli.text.yaml_text import dump_yaml

READERS = {"yaml": read_yaml, "json": read_json, "toml": read_toml}


def plain(node: Node | None) -> Any:
    """Return the values without places."""
    if node is None:
        return None
    if isinstance(node.value, Mapping):
        return {str(key): plain(value) for key, value in node.value.items()}
    return list(map(plain, node.value)) if isinstance(node.value, list) else node.value


def faults_in(form: str, text: str) -> list[str]:
    faults = Faults("f")
    READERS[form](text, faults)
    return [str(fault) for fault in faults.found]


TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
VALUES = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_written_is_read(data: dict[str, Any]) -> None:
    faults = Faults("f")
    assert plain(read_yaml(dump_yaml(data), faults)) == data
    for text in (json.dumps(data), json.dumps(data, indent="\t", ensure_ascii=False)):
        assert plain(read_json(text, faults)) == data
    assert faults.found == []


def test_yaml_is_text_whatever_it_looks_like() -> None:
    text = "- no\n- 007\n- 2026-01-01\n- ~\n-\n- 1e3\n- 'x'\n- |\n  two\n  lines\n"
    assert plain(read_yaml(text, Faults("f"))) == ["no", "007", "2026-01-01", "~", "", "1e3", "x", "two\nlines\n"]


def test_places_are_those_of_the_text() -> None:
    documents = {
        "yaml": "owner: o\nusers:\n- username: a\n  email:  b\n",
        "json": '{"owner": "o",\n "users": [\n {"username": "a",\n  "email":  "b"}]}',
    }
    for form, text in documents.items():
        root: Any = READERS[form](text, Faults("f"))
        user = root.value["users"].value[0]
        lines = text.splitlines()
        for key, node in user.value.items():
            line = next(number for number, content in enumerate(lines, 1) if key in content)
            assert (node.place.line, key.place.line) == (line, line), form
            assert lines[line - 1][node.place.column - 1 :].lstrip('"').startswith(node.value), form
            assert lines[line - 1][key.place.column - 1 :].lstrip('"').startswith(key), form
    toml = (
        'owner = "o"\n\n[[users]]\nusername = "a"\n'
        '[[users]]\nusername = "b"\n  email = "c"\n[users.attributes]\nx = 1\n'
    )
    root = read_toml(toml, Faults("f"))
    second = root.value["users"].value[1].value
    assert (second["username"].place, second["email"].place) == ((6, 1), (7, 3))
    assert second["attributes"].value["x"].place == (9, 1)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (
            "yaml",
            "a: &x 1\nb: *x\n",
            ["f:1:4: The anchor &x is not allowed.", "f:2:4: The alias *x is not allowed. Write the value."],
        ),
        ("yaml", "a: !!int 1\n", ["f:1:4: The tag !!int is not allowed. All values are text."]),
        ("yaml", "a: !x 1\n", ["f:1:4: The tag !x is not allowed. All values are text."]),
        ("yaml", "a: 1\nb: 1\na: 2\na: 3\n", ["f:3:1: The key a comes twice.", "f:4:1: The key a comes twice."]),
        ("yaml", "a: 1\n---\nb: 1\n", ["f:2:1: The file has a second document. Put everything into one."]),
        ("yaml", "[a]: 1\n", ["f:1:1: A key must be text."]),
        ("yaml", "a: [1\nb: 2\n", ["f:2:2: This is not YAML: did not find expected ',' or ']'."]),
        ("yaml", "a: b\n c: \x07\n", ["f:2:5: This is not YAML: a forbidden character."]),
        ("yaml", "[" * 9, ["f:1:9: The lists and mappings are nested too deeply."]),
        ("json", '{"a": 1,\n "a": 2}', ["f:2:2: The key a comes twice."]),
        ("json", '{"a": 1,}', ["f:1:9: This is not JSON: a key in double quotes is missing."]),
        ("json", '{"a" 1}', ["f:1:6: This is not JSON: a colon is missing."]),
        ("json", "[1 2]", ["f:1:4: This is not JSON: a comma or ] is missing."]),
        ("json", "[\n NaN]", ["f:2:2: This is not JSON: a value is missing."]),
        ("json", "{} x", ["f:1:4: This is not JSON: there is more after the end."]),
        ("json", '["x', ["f:1:2: This is not JSON: unterminated string starting at."]),
        ("json", "", ["f:1:1: This is not JSON: a value is missing."]),
        ("json", "[" * 100_000, ["f:1:9: This is not JSON: the lists and objects are nested too deeply."]),
        ("toml", "a = 1\na = 2\n", ["f:2:6: This is not TOML: Cannot overwrite a value."]),
        ("toml", "a = [", ["f:1:1: This is not TOML: Invalid value."]),
        ("toml", "a = " + "[" * 100_000, ["f:1:1: This is not TOML: the values are nested too deeply."]),
    ],
)
def test_a_fault_has_its_place(form: str, text: str, expected: list[str]) -> None:
    assert faults_in(form, text) == expected
