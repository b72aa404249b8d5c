import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.errors import ValidationError
from lback_cli.text.usernames import canonical_group_name, canonical_username

any_text = st.text(st.characters(codec=None), max_size=30)
FULL_WIDTH_ALICE = "\uff21\uff2c\uff29\uff23\uff25"
ASCII_RULE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("alice", "alice"),
        ("Alice.B_c-D", "alice.b_c-d"),
        (FULL_WIDTH_ALICE, "alice"),
        ("\N{KELVIN SIGN}im", "kim"),
        ("2024", "2024"),
        ("a", "a"),
        ("A" * 64, "a" * 64),
    ],
)
@pytest.mark.parametrize("canonical_name", [canonical_username, canonical_group_name])
def test_spellings_of_one_ascii_name_have_one_form(
    canonical_name: Callable[[str], str], raw: str, canonical: str
) -> None:
    assert canonical_name(raw) == canonical


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "a b",
        " alice",
        "alice\n",
        "a\0b",
        "a\x1b[2J",
        "a\u202eb",
        "a\u200bb",
        "\ud800",
        ".hidden",
        "-rf",
        "_x",
        "a@b",
        "a:b",
        "a/b",
        "a\\b",
        "a+b",
        "a" * 65,
        "a" * 257,
        "\N{CYRILLIC SMALL LETTER A}dmin",
        "m\N{LATIN SMALL LETTER DOTLESS I}ke",
        "José",
        "ﬁsh",
        "Ⅷ",
        "a\N{ONE DOT LEADER}b",
        "\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
@pytest.mark.parametrize(
    ("canonical_name", "field"), [(canonical_username, "username"), (canonical_group_name, "group")]
)
def test_what_is_no_ascii_name_is_refused(canonical_name: Callable[[str], str], field: str, raw: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_name(raw)
    assert refusal.value.field == field
    assert refusal.value.hint


def test_a_refusal_shows_the_name_safely_and_says_what_is_allowed() -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_username("\N{CYRILLIC SMALL LETTER A}dmin")
    assert refusal.value.message == "The user name '\N{CYRILLIC SMALL LETTER A}dmin' is not allowed."
    assert refusal.value.hint == (
        "Use 1 to 64 of the characters a-z, 0-9, '.', '_' and '-', beginning with a letter or digit."
    )
    with pytest.raises(ValidationError) as refusal:
        canonical_group_name("x\x1b" * 100)
    assert refusal.value.message == (
        r"The group name 'x\x1bx\x1bx\x1bx\x1bx\x1bx\x1bx\x1bx…' contains the invisible character U+001B."
    )


def test_a_name_that_is_far_too_long_is_refused_unread() -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_username("\u0958" * 2**20)
    assert refusal.value.message == "The user name has 1048576 characters."


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("José", "josé"),
        ("Jose\u0301", "josé"),
        ("ΟΔΥΣΣΕΎΣ", "οδυσσεύς"),
        ("Straße", "straße"),
        ("Админ.2", "админ.2"),
        ("佐藤さんカー", "佐藤さんカー"),
        ("金김", "金김"),
        ("कमल", "कमल"),
        (FULL_WIDTH_ALICE, "alice"),
        ("Bob-1", "bob-1"),
        ("Q\u0303a", "q\u0303a"),
    ],
)
def test_unicode_names_have_one_form_where_they_are_allowed(raw: str, canonical: str) -> None:
    assert canonical_username(raw, unicode_names=True) == canonical


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("\N{CYRILLIC SMALL LETTER A}dmin", "mixes scripts (Cyrillic, Latin)"),
        ("al\N{GREEK SMALL LETTER IOTA}ce", "mixes scripts (Greek, Latin)"),
        ("김さ", "mixes scripts (Hangul, Hiragana)"),
        ("佐藤a", "mixes scripts (Cjk, Latin)"),
        ("İlker", "has a dot over i or j that cannot be seen"),
        ("ﬁsh", "breaks the rule 'has_compat' of RFC 8265 at U+FB01"),
        ("a b", "contains U+0020, which is no letter or digit"),
        ("a@b", "contains U+0040, which is no letter or digit"),
        ("a:b", "contains U+003A, which is no letter or digit"),
        ("a/b", "contains U+002F, which is no letter or digit"),
        (".é", "does not begin with a letter or digit"),
        ("é" * 65, "has 65 characters"),
        ("a\u200db", "contains the invisible character U+200D"),
        ("\N{HEBREW LETTER ALEF}a", "breaks the rule"),
    ],
)
def test_unicode_names_that_deceive_are_refused(raw: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_username(raw, unicode_names=True)
    assert reason in refusal.value.message


def canonical_or_none(raw: str, *, unicode_names: bool) -> str | None:
    try:
        return canonical_username(raw, unicode_names=unicode_names)
    except ValidationError:
        return None


@given(any_text, st.booleans())
def test_the_canonical_form_of_a_canonical_form_is_itself(raw: str, unicode_names: bool) -> None:
    name = canonical_or_none(raw, unicode_names=unicode_names)
    if name is not None:
        assert canonical_username(name, unicode_names=unicode_names) == name


def test_no_single_code_point_has_a_form_of_its_form() -> None:
    forms = (canonical_or_none(chr(code), unicode_names=True) for code in range(0, sys.maxunicode + 1, 13))
    names = {form for form in forms if form is not None}
    assert len(names) > 5000
    assert [name for name in names if canonical_username(name, unicode_names=True) != name] == []


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_ascii_names_are_the_same_with_and_without_unicode_and_in_any_case(raw: str) -> None:
    name = canonical_username(raw)
    assert name == canonical_username(raw, unicode_names=True)
    assert name == canonical_username(raw.upper())
    assert name == canonical_group_name(raw)


@given(any_text)
def test_an_accepted_name_keeps_the_ascii_rule(raw: str) -> None:
    name = canonical_or_none(raw, unicode_names=False)
    assert name is None or ASCII_RULE.fullmatch(name)


def test_an_ascii_name_does_not_load_the_unicode_tables() -> None:
    code = (
        "import sys; from lback_cli.text.usernames import canonical_username as c; c('Alice'); "
        "assert 'precis_i18n' not in sys.modules; c('\\uff21'); assert 'precis_i18n' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_grows_in_lower_case_is_refused_for_the_character_that_is_wrong() -> None:
    with pytest.raises(ValidationError, match=r"breaks the rule 'has_compat' of RFC 8265 at U\+3000"):
        canonical_username("\u0130pek\u3000", unicode_names=True)
