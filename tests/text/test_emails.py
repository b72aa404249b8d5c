import re
from email.utils import getaddresses

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lback_cli.errors import ValidationError
from lback_cli.text import emails
from lback_cli.text.emails import canonical_email, plain_emails
from lback_cli.text.escaping import first_unsafe_character

any_text = st.text(st.characters(codec=None), max_size=20)
near_addresses = st.builds("{}@{}".format, any_text, any_text | st.sampled_from(["example.org", "localhost", "İ.test"]))


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("alice@example.org", "alice@example.org"),
        ("Alice+Tag@EXAMPLE.Org", "alice+tag@example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("alice@intranet", "alice@intranet"),
        ("alice@host.test", "alice@host.test"),
        ("lback@localhost", "lback@localhost"),
        ("Alice@LocalHost", "alice@localhost"),
        ("alice@mail.corp.local", "alice@mail.corp.local"),
        ("ALICE@Bücher.example", "alice@bücher.example"),
        ("alice@XN--Bcher-KVA.example", "alice@bücher.example"),
        ("Jose\u0301@example.org", "josé@example.org"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_spellings_of_an_address_have_one_canonical_form(raw: str, canonical: str) -> None:
    assert canonical_email(raw) == canonical


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "@",
        "alice",
        "alice@",
        "@example.org",
        "a@b@example.org",
        "alice@example.org,mallory@example.org",
        "alice@example.org mallory@example.org",
        "alice@example.org;mallory@example.org",
        "Alice <alice@example.org>",
        "<alice@example.org>",
        "alice@example.org (Alice)",
        '"alice"@example.org',
        '"a b"@example.org',
        '"a b"@localhost',
        "alice@[192.0.2.1]",
        "alice@[IPv6:2001:db8::1]",
        "alice@192.0.2.1",
        " alice@example.org",
        "alice@example.org\n",
        "alice@example.org\r\nBcc: mallory@example.org",
        "al\0ice@example.org",
        "al\u202eice@example.org",
        "al\u200bice@example.org",
        "al\ud800ice@example.org",
        "alice@example.org.",
        "alice@.local",
        "alice..b@example.org",
        "alice@exa_mple.org",
        "alice@example.invalid",
        "a" * 65 + "@example.org",
    ],
)
def test_invalid_address_is_rejected(raw: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_email(raw)
    assert refusal.value.field == "email"
    assert refusal.value.hint == "Give one plain address such as alice@example.org."
    assert first_unsafe_character(refusal.value.message) is None


def test_long_address_is_rejected_before_it_is_parsed() -> None:
    longest = "a" * 64 + "@" + ".".join(["b" * 63, "c" * 63, "d" * 57, "org"])
    assert canonical_email(longest) == longest
    assert len(longest) == 254
    with pytest.raises(ValidationError) as refusal:
        canonical_email("a" * 2**20 + "@example.org")
    assert refusal.value.message == "The e-mail address has 1048588 characters."


def test_message_shows_at_most_40_characters_of_the_address() -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_email("x" * 200)
    assert refusal.value.message == (
        f"'{'x' * 39}…' is not a valid e-mail address. An email address must have an @-sign."
    )


def test_message_names_the_invisible_character() -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_email("al\u202eice@example.org")
    assert refusal.value.message == (
        r"'al\u202eice@example.org' is not a valid e-mail address. It contains the invisible character U+202E."
    )


@given(st.emails() | near_addresses)
def test_canonical_form_is_stable_and_one_mailbox(raw: str) -> None:
    try:
        address = canonical_email(raw)
    except ValidationError:
        return
    assert canonical_email(address) == address
    assert address == address.lower()
    assert first_unsafe_character(address) is None
    assert getaddresses([address]) == [("", address)]


@given(st.from_regex(r"[a-z0-9]([a-z0-9._+-]{0,20}[a-z0-9])?@[a-z]{1,20}\.(org|test|local)", fullmatch=True))
def test_case_is_ignored(raw: str) -> None:
    if ".." not in raw:
        assert canonical_email(raw) == canonical_email(raw.upper()) == raw


@given(any_text)
def test_arbitrary_text_is_accepted_or_rejected(raw: str) -> None:
    if "@" not in raw:
        with pytest.raises(ValidationError):
            canonical_email(raw)


# The repetitions are bounded; otherwise three in four examples would be too long for a plain address.
short = re.sub(r"(?<=[\])])\*", "{0,2}", re.sub(r"(?<=[\])])\+", "{1,20}", emails._PLAIN.pattern))


@given(st.from_regex(re.compile(short, re.ASCII), fullmatch=True))
def test_shortcut_for_plain_addresses_agrees_with_the_library(address: str) -> None:
    assume(emails._is_plain(address))
    assert emails._checked(address) == address


@pytest.mark.parametrize("top", sorted(emails._RESERVED))
def test_reserved_domain_is_checked_by_the_library(top: str) -> None:
    assert not emails._is_plain(f"alice@host.{top}")


def test_kelvin_sign_is_not_a_plain_letter() -> None:
    assert canonical_email("\N{KELVIN SIGN}@example.org") == emails._checked("\N{KELVIN SIGN}@example.org")


@given(
    st.lists(
        st.tuples(st.text("ab+.-0AÄ\n", max_size=3), st.sampled_from(["org", "test", "x.tests", "c0", "b.c", "b.cd\n"]))
        | st.tuples(st.just("a" * 60), st.sampled_from(["b.org", "bc.org"])),
        max_size=4,
    )
)
def test_plain_addresses_are_canonical(parts: list[tuple[str, str]]) -> None:
    raw = [f"{local}@{domain}" for local, domain in parts]
    emails = plain_emails(raw)
    assert emails == ([canonical_email(email) for email in raw] if emails is not None else None)


def test_most_addresses_are_plain() -> None:
    assert plain_emails(["Ann@example.org", "b.b+c-d_0@x-y.co.uk"]) == ["ann@example.org", "b.b+c-d_0@x-y.co.uk"]
    others = ("", "a", "a@b", "a@b.test", "a@b.org\nc@d.org", "a@b.org\n", "ä@b.org", "a..b@c.org", "a" * 60 + "@b.org")
    assert [plain_emails([email]) for email in others] == [None] * len(others)
