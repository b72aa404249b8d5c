"""Conversion of configuration values."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import Field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.errors import ConfigurationError
from lback_cli.settings.parsing import describe_allowed, parse, to_text
from lback_cli.settings.schema import keys, sections

KEYS = {f"{section.name}.{key.name}": key for section in sections() for key in keys(section)}

BOOLEAN = "users.unicode_names"
WHOLE = "email.port"
NUMBER = "database.busy_timeout"
CHOICE = "email.transport"
PATH = "email.directory"
TIME = "tokens.reset_lifetime"
TEXT = "email.host"
EMPTY_TEXT = "email.username"
LINK = "links.verify_email"
SECRET = "database.url"
MODULES = "receivers.modules"


def read(name: str, raw: Any) -> Any:
    return parse(KEYS[name], raw, name=name, source="here")


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        (BOOLEAN, True, True),
        (BOOLEAN, " YES ", True),
        (BOOLEAN, "off", False),
        (WHOLE, 1, 1),
        (WHOLE, " 65535 ", 65535),
        (NUMBER, 0, 0.0),
        (NUMBER, "0.5", 0.5),
        (CHOICE, "smtp", "smtp"),
        (PATH, "mail/out", Path("mail/out")),
        (PATH, Path("mail"), Path("mail")),
        (PATH, "", None),
        (PATH, None, None),
        (TIME, 90, timedelta(seconds=90)),
        (TIME, "90", timedelta(seconds=90)),
        (TIME, "90s", timedelta(seconds=90)),
        (TIME, "30m", timedelta(minutes=30)),
        (TIME, " 24 h", timedelta(hours=24)),
        (TIME, "7d", timedelta(days=7)),
        (TIME, timedelta(hours=2), timedelta(hours=2)),
        (EMPTY_TEXT, "", ""),
        (TEXT, "Zoë", "Zoë"),
        (MODULES, [], ()),
        (MODULES, "", ()),
        (MODULES, ["acme", "company.accounts"], ("acme", "company.accounts")),
        (MODULES, " acme , company.accounts,", ("acme", "company.accounts")),
        (MODULES, ("zoë",), ("zoë",)),
    ],
)
def test_value_is_converted_to_the_type_of_its_key(name: str, raw: Any, value: Any) -> None:
    found = read(name, raw)
    assert (found, type(found)) == (value, type(value))


STRANGE = [None, [], ["x"], {}, {"a": 1}, date(2024, 1, 1), time(7, 30), float("nan"), float("inf"), -float("inf")]


@pytest.mark.parametrize(
    ("name", "raws"),
    [
        (BOOLEAN, [*STRANGE, 1, 0, 1.0, "", "2", "truee"]),
        (WHOLE, [*STRANGE, True, 0, 65536, -1, 1.0, 2.5, "", "x", "2.5", "1e3", "nan", 10**30, "9" * 5000, 1 << 99999]),
        (NUMBER, [*STRANGE, True, -0.1, 600.1, "", "x", "nan", "inf", "1e999", 10**400, 1 << 99999]),
        (CHOICE, [*STRANGE, True, 1, "", "SMTP", "smtp "]),
        (PATH, [*STRANGE[1:], True, False, 0, 1, "a\0b", "~no-such-user/x"]),
        (TIME, [*STRANGE, True, 0, -1, 1.5, "", "0s", "-1h", "1.5h", "h", "1w", "1H", "366d", "9" * 9 + "d", "9" * 99]),
        (TIME, [timedelta(0), timedelta(days=-1), timedelta.max]),
        (TEXT, [*STRANGE, True, 1, "", "two\nlines", "nul\0", "\x1b[2J", "\x85", "\udcff"]),
        (LINK, [*STRANGE, "", "https://localhost/"]),
        (MODULES, [None, *STRANGE[3:], True, 1, "a-b", "a b", "a..b", ".a", "a:b", [""], ["a", 1], ["a\n"], [["a"]]]),
    ],
)
def test_invalid_value_is_refused_in_one_short_line_with_the_allowed_values(name: str, raws: list[Any]) -> None:
    for raw in raws:
        with pytest.raises(ConfigurationError) as caught:
            read(name, raw)
        message = caught.value.message
        assert message.startswith(f"{name} (here): ")
        assert message.endswith(f" is not {describe_allowed(KEYS[name])}.")
        assert message.isprintable()
        assert len(message) < 200


def test_allowed_values_are_described() -> None:
    assert {
        name: describe_allowed(KEYS[name]) for name in (BOOLEAN, WHOLE, NUMBER, CHOICE, PATH, TIME, TEXT, LINK, MODULES)
    } == {
        BOOLEAN: "true or false",
        WHOLE: "a whole number from 1 to 65535",
        NUMBER: "a number from 0 to 600",
        CHOICE: "one of file, smtp, queue",
        PATH: "a path",
        TIME: "a time such as 90s, 30m, 24h or 7d, from 1s to 365d",
        TEXT: "one line of text",
        LINK: "one line of text with {token} in it",
        MODULES: "a list of modules such as company.accounts",
    }
    assert describe_allowed(KEYS["password.memory"]) == "a whole number from 19456 to 4194304"


@pytest.mark.parametrize("raw", [["canary"], "canary\n", "canary\udcff", {"canary": 1}])
def test_refused_secret_is_in_neither_the_message_nor_the_traceback(raw: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(SECRET, raw)
    assert caught.value.message == "database.url (here): the value is not one line of text."
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", KEYS)
def test_each_default_is_valid(name: str) -> None:
    default = KEYS[name].default
    assert read(name, default) == default
    assert read(name, to_text(default)) == default


@pytest.mark.parametrize("name", KEYS)
def test_each_key_is_documented_in_sentences(name: str) -> None:
    doc = KEYS[name].metadata["doc"]
    assert doc.endswith(".")
    assert doc == " ".join(doc.split())


def within(key: Field[Any], make: Callable[..., st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return make(key.metadata["minimum"], key.metadata["maximum"])


@given(
    whole=within(KEYS[WHOLE], st.integers),
    number=within(KEYS[NUMBER], st.floats),
    seconds=within(KEYS[TIME], st.integers),
    boolean=st.booleans(),
)
def test_text_of_a_value_is_parsed_as_the_same_value(whole: int, number: float, seconds: int, boolean: bool) -> None:
    lifetime = timedelta(seconds=seconds)
    for name, value in ((WHOLE, whole), (NUMBER, number), (TIME, lifetime), (BOOLEAN, boolean)):
        assert read(name, to_text(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(hours=24), "24h"),
        (timedelta(hours=1), "1h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=90), "90s"),
        (timedelta(days=7), "7d"),
        (timedelta(0), "0s"),
        (timedelta(milliseconds=1500), "1.5s"),
        (None, ""),
        (True, "true"),
        (10.0, "10.0"),
        (Path("a/b"), "a/b"),
    ],
)
def test_value_is_shown_in_the_usual_unit(value: Any, text: str) -> None:
    assert to_text(value) == text


toml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.times() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(KEYS)), toml_values)
def test_any_value_is_accepted_or_refused(name: str, raw: Any) -> None:
    with suppress(ConfigurationError):
        value = read(name, raw)
        assert read(name, value) == value
