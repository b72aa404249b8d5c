import sys
import tracemalloc
import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lback_cli.text.escaping import first_unsafe_character, safe

any_text = st.text(st.characters(codec=None), max_size=40) | st.text(
    st.sampled_from("a\\ \x1b\n\u202e\u200b\U000e0001é"), max_size=40
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\nb\tc\rd", r"a\x0ab\x09c\x0dd"),
        ("\x7f\x80\x9b2J", r"\x7f\x80\x9b2J"),
        ("invoice\u202efdp.exe", r"invoice\u202efdp.exe"),
        ("\u061c\u200e\u200f\u202a\u2066\u2069", r"\u061c\u200e\u200f\u202a\u2066\u2069"),
        ("a\u200b\u200c\u200d\u2060\ufeffb", r"a\u200b\u200c\u200d\u2060\ufeffb"),
        ("\u2028\u2029\u0085", r"\u2028\u2029\x85"),
        ("soft\u00adhyphen", r"soft\xadhyphen"),
        ("\U000e0001\U000e0041", r"\U000e0001\U000e0041"),
        ("\ud800\udfff", r"\ud800\udfff"),
        ("\ue000\U0010ffff\u0378", r"\ue000\U0010ffff\u0378"),
        ("\u3164\u115f\u034f\ufe0f\U000e0100", r"\u3164\u115f\u034f\ufe0f\U000e0100"),
    ],
)
def test_unsafe_characters_become_visible_escapes(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    "text",
    ["", "plain text", r"C:\new\x1b", "[red]markup[/red]", "Zoë Łukasz 佐藤 \U0001f600", "a\u00a0b\u3000c", "e\u0301"],
)
def test_safe_text_is_unchanged(text: str) -> None:
    assert safe(text) == text
    assert first_unsafe_character(text) is None


def test_asvs_16_4_1_exactly_the_unprintable_code_points_are_escaped() -> None:
    dangerous = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown = {code: safe(chr(code)) for code in range(sys.maxunicode + 1)}
    kept = {code for code, text in shown.items() if text == chr(code)}
    assert not {code for code in kept if unicodedata.category(chr(code)) in dangerous}
    escaped = shown.keys() - kept
    assert all(shown[code].isascii() and shown[code].isprintable() for code in escaped)
    assert all(shown[code].encode().decode("unicode_escape") == chr(code) for code in escaped)
    # The others are invisible too: Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode 16.0.
    others = {code for code in escaped if unicodedata.category(chr(code)) not in dangerous}
    fillers = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
    selectors = {0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
    assert others == fillers | selectors


def test_other_objects_are_converted_to_text() -> None:
    assert safe(PurePosixPath("/tmp/a\x1b[2J")) == r"/tmp/a\x1b[2J"
    assert safe(42) == "42"
    assert safe(ValueError("no\nway")) == r"no\x0away"


@given(any_text, st.integers(1, 50))
@example("\x1b" * 5, 4)
@example("\x1b" * 5, 1)
@example("abc", 3)
@example("abcd", 3)
def test_limit_cuts_text_but_never_splits_an_escape(text: str, limit: int) -> None:
    shown = safe(text, limit=limit)
    assert len(shown) <= limit
    if len(safe(text)) <= limit:
        assert shown == safe(text)
    else:
        assert shown.endswith("…")
        assert shown[:-1] in {safe(text[:end]) for end in range(len(text) + 1)}


@given(any_text)
def test_text_is_unchanged_exactly_if_it_has_no_unsafe_character(text: str) -> None:
    found = first_unsafe_character(text)
    assert (found is None) == (safe(text) == text)
    if found is not None:
        assert safe(text[: text.index(found)]) == text[: text.index(found)]
        assert safe(found) != found


@given(any_text)
def test_escaped_text_is_safe(text: str) -> None:
    assert safe(safe(text)) == safe(text)


def test_long_text_is_cut_before_it_is_escaped() -> None:
    hostile = "\x1b" * 2**20
    tracemalloc.start()
    try:
        assert safe(hostile, limit=9) == r"\x1b\x1b…"
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()
