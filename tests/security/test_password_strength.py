import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.security.password_strength import (
    base_words,
    common_passwords,
    independent_characters,
    is_common,
    normalize,
)


def test_list_is_sorted_and_normalized() -> None:
    first, *common, last = common_passwords().split("\n")
    assert first == last == ""
    assert len(common) > 40_000
    assert common == sorted(set(common))
    assert [entry for entry in common if entry != normalize(entry) or len(entry) < 4 or not entry.isprintable()] == []
    assert {"password", "qwerty", "iloveyou", "letmein", "christopher"} <= set(common)


def test_exactly_the_listed_passwords_are_found() -> None:
    common = common_passwords().split("\n")[1:-1]
    neighbours = {word for entry in common[::7] for word in (entry[:-1], f"{entry}!", f"{entry}~", f"!{entry}", "")}
    assert [entry for entry in common if not is_common([entry])] == []
    assert [word for word in neighbours - set(common) if is_common([word])] == []
    assert is_common(["purple giraffes", "password"])
    assert not is_common([])


@pytest.mark.parametrize(
    ("password", "core"),
    [
        ("password", "password"),
        ("password123", "password"),
        ("123!password?", "password"),
        ("passwordpassword", "password"),
        ("passwordpasswordpassword", "password"),
        ("password-password", "password"),
        ("password1password2", "password"),
        ("p@ssw0rd-2024", "password"),
        ("p a s s w o r d 1", "password"),
        ("i love you 12345", "iloveyou"),
        ("パスワード2024", "パスワード"),
    ],
)
def test_decoration_repetition_and_look_alikes_are_undone(password: str, core: str) -> None:
    assert core in base_words(password)


def test_words_of_a_passphrase_stay_together() -> None:
    assert base_words("correct horse battery staple") == {"correct horse battery staple", "correcthorsebatterystaple"}


@pytest.mark.parametrize("password", ["psalm23-2024", "2024-psalm23", "psalm2312345678", "0000psalm23"])
def test_digits_that_are_part_of_a_word_are_kept(password: str) -> None:
    assert "psalm23" in base_words(password)


def test_word_among_many_digits_is_found_with_bounded_work() -> None:
    found = base_words("1" * 500 + "password" + "2" * 500)
    assert "password" in found
    assert len(found) < 1000


def test_digits_and_punctuation_have_no_base_word() -> None:
    assert base_words("12345-67890-12345") >= {"12345-67890-12345", "123456789012345"}
    assert "" not in base_words("12345")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", 0),
        ("a", 1),
        ("ab", 2),
        ("abc", 1),
        ("aaaa", 1),
        ("aaaabbbb", 2),
        ("cba", 1),
        ("890123", 1),
        ("qwertyuiopasdfgh", 1),
        ("poiuytrewq", 1),
        ("1qaz2wsx3edc", 1),
        ("qwertzuiop", 1),
        ("azertyuiop", 1),
        ("абвгд", 1),
        ("qwerty123456789", 2),
        ("abc123def456ghi", 5),
        ("kx7kx7kx7kx7", 3),
        ("k7wpm2xq9t", 10),
    ],
)
def test_runs_and_repetition_count_once(password: str, expected: int) -> None:
    assert independent_characters(password) == expected


@given(st.text(max_size=30), st.integers(2, 5))
def test_repetition_adds_no_independent_characters(password: str, times: int) -> None:
    assert independent_characters(password * times) <= len(password)


@given(st.text())
def test_normalize_is_idempotent(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)
