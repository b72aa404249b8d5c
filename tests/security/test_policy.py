import secrets
import tracemalloc
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.errors import ConfigurationError, ValidationError
from lback_cli.security.password_strength import common_passwords
from lback_cli.security.policy import PasswordPolicy, normalize_password
from lback_cli.settings.schema import PasswordSettings

POLICY = PasswordPolicy(PasswordSettings())
GOOD = "violet-otter-climbs-12"
COMMON = "The password is a common password, or a variation of one."
CONTEXT = "The password is based on the user's name or address, or on the application's name."
SIMPLE = "The password is a simple sequence or repetition."


def refusal_of(password: str, *, policy: PasswordPolicy = POLICY, username: str = "", email: str = "") -> str | None:
    try:
        policy.check(password, username=username, email=email)
    except ValidationError as error:
        refusal = error
    else:
        return None
    assert refusal.field == "password"
    assert refusal.hint
    return refusal.message


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        GOOD,
        "Grüße aus dem fernen Süden",
        "пять жирных выдр поют",
        "840912840913221",
        "mwlzkvbtqhxrdnf",
        "\U0001f996\U0001f9a6\U0001f40c\U0001f955\U0001f6b2\U0001f9ca\U0001f3ba\U0001f9ed" * 2,
        "a\u0301" * 3 + " sailor's gull",
        '<>"%{token}$(id) b\\c',
    ],
)
def test_asvs_6_2_5_long_passwords_of_any_composition_are_accepted(password: str) -> None:
    assert POLICY.check(password, username="alice", email="alice@example.org") == unicodedata.normalize("NFC", password)


def test_random_tokens_are_accepted() -> None:
    tokens = [secrets.token_urlsafe(18) for _ in range(3000)]
    assert [token for token in tokens if refusal_of(token, username="alice", email="alice@example.org")] == []


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("passwordpassword", COMMON),
        ("password123456789", COMMON),
        ("PASSWORD123456789", COMMON),
        ("P@ssw0rd!P@ssw0rd!", COMMON),
        ("password1password2", COMMON),
        ("iloveyou1234567", COMMON),
        ("i love you 12345", COMMON),
        ("christopher12345", COMMON),
        ("elephant-elephant", COMMON),
        ("qwertyuiopasdfgh", SIMPLE),
        ("qazwsxedcrfvtgb", COMMON),
        ("123456789012345", SIMPLE),
        ("111111111111111", COMMON),
        ("abcdefghijklmnop", SIMPLE),
        ("zyxwvutsrqponml", SIMPLE),
        ("kx7kx7kx7kx7kx7", SIMPLE),
        ("абвгдежзийклмноп", SIMPLE),
        ("aaaaabbbbbccccc", SIMPLE),
        ("xzxzzxxzzzxxxzxz", SIMPLE),
        ("alice.example.org", CONTEXT),
        ("Alice-1234567890", CONTEXT),
        ("alice7263#9184726", CONTEXT),
        ("example2024example", CONTEXT),
        ("lback-lback-alice", CONTEXT),
        ("wonderland-2024-06", CONTEXT),
    ],
)
def test_asvs_6_2_11_and_12_predictable_password_is_refused(password: str, message: str) -> None:
    assert refusal_of(password, username="alice", email="a.wonderland@example.org") == message


def test_context_word_in_a_long_passphrase_is_accepted() -> None:
    assert refusal_of("alice likes nine purple otters", username="alice", email="alice@example.org") is None


@pytest.mark.parametrize(("rest", "message"), [("k7wpm2x", CONTEXT), ("k7wpm2xq", None)])
def test_beside_a_context_word_eight_independent_characters_are_needed(rest: str, message: str | None) -> None:
    assert refusal_of(f"alexandra{rest}", username="alexandra") == message


@pytest.mark.parametrize(("password", "message"), [("wmkwkmmwkkmwmkw", SIMPLE), ("wmkzmwzkkmzwzmk", None)])
def test_four_different_characters_are_needed(password: str, message: str | None) -> None:
    assert refusal_of(password) == message


def test_words_of_the_application_are_context_words() -> None:
    policy = PasswordPolicy(PasswordSettings(), application_words=("Acme Portal",))
    assert refusal_of("acmeportal-acme-2024", policy=policy) == CONTEXT
    assert refusal_of("lback-river-stone-07", policy=policy) is None


def test_asvs_6_2_4_more_than_3000_common_passwords_are_refused() -> None:
    candidates = set()
    for entry in sorted(common_passwords().splitlines()[1:])[::7]:
        padded = entry + "1234567890!"[: max(0, 15 - len(entry))]
        repeated = entry * max(1, -(-15 // len(entry)))
        candidates |= {padded, repeated}
    refused = {candidate for candidate in candidates if refusal_of(candidate)}
    assert all(len(candidate) >= 15 for candidate in candidates)
    assert len(refused) >= 10_000
    # Only numbers beside other numbers are accepted.
    assert [missed for missed in candidates - refused if any(map(str.isalpha, missed))] == []


def test_every_long_listed_password_is_refused() -> None:
    long = {entry for entry in common_passwords().splitlines()[1:] if len(entry) >= 15}
    assert len(long) > 50
    assert [entry for entry in long if refusal_of(entry) is None or refusal_of(entry.upper()) is None] == []


@pytest.mark.parametrize("spelling", [str.upper, str.title, lambda text: unicodedata.normalize("NFD", text)])
def test_case_and_normal_form_are_ignored(spelling: object) -> None:
    assert callable(spelling)
    assert refusal_of(spelling("password" * 2)) == COMMON
    policy = PasswordPolicy(PasswordSettings(), application_words=("Café Straße",))
    assert refusal_of(spelling("café-straße-0123456"), policy=policy) == CONTEXT


@pytest.mark.parametrize(("length", "accepted"), [(14, False), (15, True), (64, True), (1024, True), (1025, False)])
def test_asvs_6_2_9_length_counts_code_points_of_the_normal_form(length: int, accepted: bool) -> None:
    alphabet = "bdfhjlnprtvxzkmqsw"
    password = (
        "".join(alphabet[(place * place + place // 7) % len(alphabet)] for place in range(length - 1)) + "e\u0301"
    )
    assert (refusal_of(password) is None) == accepted


def test_message_has_the_length_and_the_limit() -> None:
    assert refusal_of("k7wpm2xq") == "The password has 8 characters; the minimum is 15."
    assert refusal_of("k7wpm2xq", policy=PasswordPolicy(PasswordSettings(minimum_length=8))) is None
    assert refusal_of("x7" * 513) == "The password has more than 1024 characters."


@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x80", "\x9b"])
def test_control_characters_are_refused(character: str) -> None:
    assert refusal_of(GOOD + character) == ("The password contains a control character, such as a tab or a line break.")


@pytest.mark.parametrize("surrogate", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_lone_surrogates_are_refused(surrogate: int) -> None:
    assert refusal_of(GOOD + chr(surrogate)) == "The password is not valid Unicode text."
    assert normalize_password(GOOD + chr(surrogate)) is None


@pytest.mark.parametrize("size", [2**20, 10 * 2**20])
def test_huge_password_is_refused_before_it_is_normalized(size: int) -> None:
    # U+FDFA has the longest compatibility form; U+1D160 grows in NFC.
    for character in ("a", "\ufdfa", "\U0001d160"):
        huge = character * size
        tracemalloc.start()
        try:
            assert refusal_of(huge) == "The password has more than 1024 characters."
            assert normalize_password(huge) is None
            assert tracemalloc.get_traced_memory()[1] < 2**16
        finally:
            tracemalloc.stop()


def test_password_that_normalization_makes_too_long_is_refused() -> None:
    assert normalize_password("\U0001d160" * 400) is None
    assert refusal_of("\U0001d160" * 400) == "The password has more than 1024 characters."


@given(st.text(st.characters(codec=None), max_size=40))
def test_accepted_password_is_normalized_once(password: str) -> None:
    policy = PasswordPolicy(PasswordSettings(minimum_length=8))
    message = refusal_of(password, policy=policy)
    if message is not None:
        # Two messages are the same for every password, so a password that they contain is one of their words.
        assert len(password) < 8 or password not in message or message in (COMMON, SIMPLE)
        return
    checked = policy.check(password)
    assert normalize_password(password) == checked == unicodedata.normalize("NFC", password)
    assert normalize_password(unicodedata.normalize("NFD", password)) == checked
    assert policy.check(checked) == checked


@given(st.text(max_size=40))
def test_asvs_6_2_8_normalization_is_nfc_and_nothing_else(password: str) -> None:
    assert normalize_password(password) == unicodedata.normalize("NFC", password)


def test_blocklist_file_refuses_its_entries_and_variations(tmp_path: Path) -> None:
    path = tmp_path / "refused.txt"
    path.write_bytes("\ufeffHovercraft Eels\r\nzanzibarzebra\n\nÜbergrößenträger\n".encode())
    policy = PasswordPolicy(PasswordSettings(blocklist_file=path))
    message = "The password is in [password] blocklist_file, or a variation of an entry."
    assert refusal_of("hovercraft eels", policy=policy) == message
    assert refusal_of("Zanzibarzebra2024!", policy=policy) == message
    assert refusal_of(unicodedata.normalize("NFD", "übergrößenträger"), policy=policy) == message
    assert refusal_of("passwordpassword", policy=policy) == COMMON
    assert refusal_of(GOOD, policy=policy) is None


def test_unreadable_blocklist_file_is_a_configuration_error(tmp_path: Path) -> None:
    missing = tmp_path / "missing.txt"
    with pytest.raises(ConfigurationError) as error:
        PasswordPolicy(PasswordSettings(blocklist_file=missing)).check(GOOD)
    assert error.value.message == f"The blocklist file {missing} cannot be read: No such file or directory."
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigurationError) as error:
        PasswordPolicy(PasswordSettings(blocklist_file=latin)).check(GOOD)
    assert error.value.message == f"The blocklist file {latin} cannot be read: it is not UTF-8 text."


@pytest.mark.parametrize("character", ["\u00a0", "\u3000", "\u200b", "\ufeff", "\u2028", "\u00ad", "\u200e"])
def test_characters_that_look_like_nothing_are_refused(character: str) -> None:
    assert refusal_of(f"lighthouse keeps{character}counting steps") == (
        f"The password contains U+{ord(character):04X}, which is invisible or looks like a space."
    )


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_joiners_of_words_and_emoji_are_allowed(joiner: str) -> None:
    assert refusal_of(f"lighthouse counting{joiner}some steps") is None
