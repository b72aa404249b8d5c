"""Output formats: the built-in ones, YAML, and formats that a package adds."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.cli.output.format import OutputFormat
from lback_cli.cli.output.formats.yaml import YamlFormat
from lback_cli.cli.output.registry import find_format
from lback_cli.output_formats import BUILT_IN
from tests.user_results import UNSET

Cli = Callable[..., Any]

PLUGIN = """
from lback_cli.cli.output.format import OutputFormat

class Shout(OutputFormat):
    json_errors = True
    brief = True

    def record(self, record):
        self.out.write("".join(f"{key.upper()}={value}!\\n" for key, value in record.items()))

    def records(self, records, columns):
        for record in records:
            self.record({column: record[column] for column in columns})
"""


def test_each_built_in_name_has_a_class() -> None:
    assert all(issubclass(find_format(name), OutputFormat) for name in BUILT_IN)


def test_option_variable_and_help_have_the_same_formats(cli: Cli) -> None:
    for name in BUILT_IN:
        assert cli("user", "list", "-o", name).status == 0
        assert cli("user", "list", LBACK_OUTPUT=name).status == 0
    assert f"<{'|'.join(BUILT_IN)}>" in cli("help", "options").out


# Words that YAML 1.1 or 1.2 reads as something else than text, and characters that end a plain scalar.
TRAPS = [
    *("no", "No", "y", "N", "on", "OFF", "true", "null", "~", "", " ", "0123", "0o17", "0x1f", "1e3", "1_000", "12:30"),
    *(
        ".inf",
        ".nan",
        "+1",
        "-",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{a",
        "[a",
        "<<",
    ),
    *(
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "=",
        "a\nb",
        " a",
        "a ",
        "'a'",
        '"a"',
        "\\",
        "\t",
        "\x1b[31m",
        "名前",
        "😀",
    ),
]


def written(data: dict[str, Any]) -> str:
    out = io.StringIO()
    YamlFormat(out).record(data)
    return out.getvalue()


@pytest.mark.parametrize("text", TRAPS)
def test_yaml_quotes_text_that_looks_like_another_type(text: str) -> None:
    document = written({"value": text, text: 1})
    assert yaml.safe_load(document) == {"value": text, text: 1}
    plain = document.splitlines()[0] == f"value: {text}"
    assert not plain, "only words that no version of YAML reads as something else are without quotes"


@pytest.mark.parametrize("text", ["alice", "basic_user", "alice@example.org", "Once it is done"])
def test_yaml_quotes_no_plain_words(text: str) -> None:
    assert written({"value": text}) == f"value: {text}\n"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), max_size=4))
def test_yaml_reads_back_as_what_was_written(records: list[dict[str, Any]]) -> None:
    out = io.StringIO()
    YamlFormat(out).records(records, ())
    assert yaml.safe_load(out.getvalue()) == records
    assert all(character.isprintable() or character == "\n" for character in out.getvalue())
    stream = io.StringIO()
    YamlFormat(stream).stream(records, ())
    assert list(yaml.safe_load_all(stream.getvalue())) == records


def test_yaml_has_the_values_of_json(cli: Cli, register: Cli) -> None:
    register("0123", "--verified")
    register("no")
    for command in ("user list", "user show no", "user history 0123", "signals list", "signals show user_deleted"):
        as_yaml, as_json = (cli(*command.split(), "-o", form) for form in ("yaml", "json"))
        assert (as_yaml.status, as_yaml.err) == (0, "")
        assert yaml.safe_load(as_yaml.out) == json.loads(as_json.out)
    assert cli("user", "show", "no", "-o", "yaml").out == (
        'id: 2\nusername: "no"\nemail: no@example.org\n'
        + "".join(f"{name}: null\n" for name in UNSET)
        + "is_active: true\nis_email_verified: false\ngroups:\n- basic_user\nattributes: {}\n"
        'created_at: "TIME"\nupdated_at: "TIME"\nlast_login: null\nlocked_until: null\npassword: set\n'
    )


def test_an_error_with_yaml_is_a_yaml_mapping(cli: Cli) -> None:
    outcome = cli("user", "show", "bob", "-o", "yaml")
    assert (outcome.status, outcome.out) == (5, "")
    assert yaml.safe_load(outcome.err)["error"]["code"] == "user_not_found"


def test_export_refuses_formats_that_imports_cannot_read(cli: Cli, tmp_path: Path) -> None:
    refused = (2, "", '{"error": {"code": "usage", "message": "Users are not exported as yaml.", "hint": "%s"}}\n')
    hint = "Add --format csv or --format jsonl, or -o json."
    assert cli("user", "export", "-o", "yaml") == (*refused[:2], refused[2] % hint)
    assert cli("user", "export", "-o", "yaml", "--file", "users") == (*refused[:2], refused[2] % hint)
    assert not (tmp_path / "users").exists()
    assert cli("user", "export", "-o", "yaml", "--format", "jsonl") == (0, "", "")
    assert cli("user", "export", "-o", "yaml", "--file", "users.csv") == (0, "", "Wrote users.csv.\n")


@pytest.fixture
def plugin(lback: Any, tmp_path: Path) -> Callable[[str], None]:
    """Install a package whose entry points in the group ``lback.outputs`` are the given lines."""

    def install(entry_points: str) -> None:
        site = tmp_path / "site"
        information = site / "shout-1.0.dist-info"
        information.mkdir(parents=True)
        (site / "shout.py").write_text(PLUGIN)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: shout\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[lback.outputs]\n{entry_points}\n")
        lback.environment["PYTHONPATH"] = str(site)

    return install


def test_a_plugin_adds_a_format(lback: Any, plugin: Callable[[str], None]) -> None:
    plugin("shout = shout:Shout")
    assert lback("group", "create", "staff", "-q").status == 0
    table = lback("group", "list", "-o", "shout")
    assert table == (0, "ID=1!\nNAME=staff!\nMEMBERS=0!\nDESCRIPTION=None!\n", "")
    assert lback("group", "list", LBACK_OUTPUT="shout") == table
    assert lback("user", "show", "bob", "-o", "shout").error["code"] == "user_not_found"
    completed = lback(_LBACK_COMPLETE="bash", _LBACK_LINE="lback user list -o sh")
    assert completed.out.split() == ["shout"]
    unknown = lback("user", "list", "-o", "xml")
    known = ", ".join(f"'{name}'" for name in (*BUILT_IN, "shout"))
    assert f"'xml' is not one of {known}." in unknown.err


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("missing:Shout", "cannot be loaded from missing:Shout: ModuleNotFoundError: No module named 'missing'."),
        ("shout:PLUGIN", "cannot be loaded from shout:PLUGIN: AttributeError: "),
        ("json:dumps", "json:dumps, is not a subclass of OutputFormat."),
    ],
)
def test_a_broken_plugin_is_a_configuration_error(
    lback: Any, plugin: Callable[[str], None], reference: str, message: str
) -> None:
    plugin(f"shout = {reference}")
    broken = lback("user", "list", "-o", "shout")
    assert (broken.status, broken.out) == (9, "")
    first, hint = broken.err.splitlines()
    assert first.startswith("error: The output format 'shout'")
    assert message in first
    assert hint == "       Fix or uninstall the package."
    assert lback("user", "list").status == 0
