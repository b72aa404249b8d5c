import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.errors import ValidationError
from lback_cli.text.usernames import canonical_group_name, canonical_username, plain_usernames

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
def test_spellings_of_an_ascii_name_have_one_canonical_form(
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
def test_invalid_ascii_name_is_rejected(canonical_name: Callable[[str], str], field: str, raw: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_name(raw)
    assert refusal.value.field == field
    assert refusal.value.hint


def test_message_escapes_the_name_and_hint_says_what_is_allowed() -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_username("\N{CYRILLIC SMALL LETTER A}dmin")
    assert refusal.value.message == "The user name '\N{CYRILLIC SMALL LETTER A}dmin' is not allowed."
    assert refusal.value.hint == (
        "Use 1 to 64 of the characters a-z, 0-9, '.', '_' and '-', beginning with a letter or digit."
    )
    with pytest.raises(ValidationError) as refusal:
        canonical_username("Müller")
    assert refusal.value.hint == "Use the letters a-z only, or set users.unicode_names to allow others."
    with pytest.raises(ValidationError) as refusal:
        canonical_group_name("x\x1b" * 100)
    assert refusal.value.message == (
        r"The group name 'x\x1bx\x1bx\x1bx\x1bx\x1bx\x1bx\x1bx…' contains the invisible character U+001B."
    )


def test_very_long_name_is_rejected_before_it_is_normalized() -> None:
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
def test_spellings_of_a_unicode_name_have_one_canonical_form(raw: str, canonical: str) -> None:
    assert canonical_username(raw, unicode_names=True) == canonical


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("\N{CYRILLIC SMALL LETTER A}dmin", "mixes scripts (Cyrillic, Latin)"),
        ("al\N{GREEK SMALL LETTER IOTA}ce", "mixes scripts (Greek, Latin)"),
        ("김さ", "mixes scripts (Hangul, Hiragana)"),
        ("佐藤a", "mixes scripts (Cjk, Latin)"),
        ("İlker", "has an invisible dot over i or j"),
        ("ﬁsh", "breaks the rule 'has_compat' of RFC 8265 at U+FB01"),
        ("a b", "contains U+0020, which is not a letter or a digit"),
        ("a@b", "contains U+0040, which is not a letter or a digit"),
        ("a:b", "contains U+003A, which is not a letter or a digit"),
        ("a/b", "contains U+002F, which is not a letter or a digit"),
        (".é", "does not begin with a letter or digit"),
        ("é" * 65, "has 65 characters"),
        ("a\u200db", "contains the invisible character U+200D"),
        ("\N{HEBREW LETTER ALEF}a", "breaks the rule"),
    ],
)
def test_deceptive_unicode_name_is_rejected(raw: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_username(raw, unicode_names=True)
    assert reason in refusal.value.message


def canonical_or_none(raw: str, *, unicode_names: bool) -> str | None:
    try:
        return canonical_username(raw, unicode_names=unicode_names)
    except ValidationError:
        return None


@given(any_text, st.booleans())
def test_canonical_form_is_stable(raw: str, unicode_names: bool) -> None:
    name = canonical_or_none(raw, unicode_names=unicode_names)
    if name is not None:
        assert canonical_username(name, unicode_names=unicode_names) == name


def test_canonical_form_of_every_code_point_is_stable() -> None:
    forms = (canonical_or_none(chr(code), unicode_names=True) for code in range(0, sys.maxunicode + 1, 13))
    names = {form for form in forms if form is not None}
    assert len(names) > 5000
    assert [name for name in names if canonical_username(name, unicode_names=True) != name] == []


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_ascii_names_have_the_same_form_with_unicode_names(raw: str) -> None:
    name = canonical_username(raw)
    assert name == canonical_username(raw, unicode_names=True)
    assert name == canonical_username(raw.upper())
    assert name == canonical_group_name(raw)


@given(any_text)
def test_accepted_name_matches_the_ascii_rule(raw: str) -> None:
    name = canonical_or_none(raw, unicode_names=False)
    assert name is None or ASCII_RULE.fullmatch(name)


def test_ascii_name_loads_no_unicode_tables() -> None:
    code = (
        "import sys; from lback_cli.text.usernames import canonical_username as c; c('Alice'); "
        "assert 'precis_i18n' not in sys.modules; c('\\uff21'); assert 'precis_i18n' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_name_that_grows_in_lower_case_is_rejected_by_its_character() -> None:
    with pytest.raises(ValidationError, match=r"breaks the rule 'has_compat' of RFC 8265 at U\+3000"):
        canonical_username("\u0130pek\u3000", unicode_names=True)


@given(st.lists(st.text("ab_.-0AÄ\n\0", max_size=4) | st.just("a" * 64) | st.just("a" * 65), max_size=4))
def test_plain_user_names_are_canonical(raw: list[str]) -> None:
    names = plain_usernames(raw)
    assert names == ([canonical_username(name) for name in raw] if names is not None else None)


def test_most_user_names_are_plain() -> None:
    assert plain_usernames(["Ann", "bob.b-b_0", "9"]) == ["ann", "bob.b-b_0", "9"]
    assert [plain_usernames([name]) for name in ("", "a\nb", "a\n", "ä", "-a", "a" * 65)] == [None] * 6
