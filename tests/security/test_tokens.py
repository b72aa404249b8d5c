import base64
import string

from hypothesis import given
from hypothesis import strategies as st

from lback_cli.security.tokens import generate_token, token_digest, token_prefix


def test_asvs_11_5_1_token_has_256_random_bits() -> None:
    tokens = {generate_token() for _ in range(1000)}
    assert len(tokens) == 1000
    decoded = [base64.urlsafe_b64decode(token + "=") for token in tokens]
    assert {len(data) for data in decoded} == {32}
    # Each of the 256 bits takes both values: a good generator fails this for 1000 tokens once in 10**298 runs.
    ones = zeros = 0
    for data in decoded:
        value = int.from_bytes(data)
        ones |= value
        zeros |= ~value
    assert ones == 2**256 - 1
    assert zeros & (2**256 - 1) == 2**256 - 1


def test_token_needs_no_quoting_in_a_url() -> None:
    assert set(generate_token()) <= set(string.ascii_letters + string.digits + "-_")


def test_token_never_looks_like_an_option() -> None:
    assert not any(generate_token().startswith("-") for _ in range(2000))


def test_asvs_6_5_2_digest_is_sha_256() -> None:
    # FIPS 180-2, appendix B.1
    assert token_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.text(st.characters(codec=None)))
def test_every_text_has_a_digest(token: str) -> None:
    assert len(token_digest(token)) == 64


def test_lone_surrogates_change_the_digest() -> None:
    assert len({token_digest(token) for token in ("a\ud800", "a\udfff", "a", "a?", "a\ufffd")}) == 5


def test_prefix_is_the_first_ten_characters() -> None:
    token = generate_token()
    assert token_prefix(token) == token[:10]
    assert token_prefix("short") == "short"
