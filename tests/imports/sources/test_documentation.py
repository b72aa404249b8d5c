"""docs/batch.md lists the kinds of hashes, as messages say: all of them, each with its bound and its forms."""

import re
from pathlib import Path

from lback_cli.security import hash_formats, passwords
from lback_cli.security.weak_hashes import WEAKNESSES

PAGE = Path(__file__).parents[3] / "docs" / "batch.md"


def kinds() -> dict[str, str]:
    """The row of the tables by kind."""
    section = PAGE.read_text("utf-8").partition("### Kinds of hashes")[2]
    rows = re.findall(r"^\| (`[a-z0-9_`, ]+`) \|(.*)\|$", section, re.MULTILINE)
    return {kind: rest for names, rest in rows for kind in re.findall(r"[a-z0-9_]+", names)}


def test_every_kind_that_is_verified_is_listed_and_no_other() -> None:
    known = {
        *hash_formats._MODULAR.values(),
        *hash_formats._DJANGO.values(),
        *hash_formats._LDAP_DIGESTS.values(),
        *hash_formats._LDAP_HEX.values(),
        *passwords._MAXIMUM_ROUNDS,
        *WEAKNESSES,
    }
    assert kinds().keys() == known


def test_every_form_is_shown() -> None:
    text = PAGE.read_text("utf-8")
    modular = {f"${name}$" for name in hash_formats._MODULAR}
    names = hash_formats._LDAP_DIGESTS.keys() | hash_formats._LDAP_PBKDF2.keys() | hash_formats._LDAP_HEX.keys()
    shown = modular | {f"{{{name}}}" for name in names | hash_formats._LDAP_WRAPPERS}
    assert {form for form in shown if form not in text} == set()


def test_every_bound_is_that_of_the_code() -> None:
    listed = kinds()
    for kind, most in passwords._MAXIMUM_ROUNDS.items():
        bound = f"{most:,} rounds" if most > passwords._MOST_LOGARITHMIC else f"cost {most}"
        assert bound in listed[kind], kind
    memory = f"{passwords._MAXIMUM_MEMORY // 1024} MiB"
    iterations, lanes = passwords._MAXIMUM_ARGON2_ROUNDS, passwords._MAXIMUM_ARGON2_LANES
    assert f"{memory}, {iterations} iterations, {lanes} lanes" in listed["argon2"]
    work, cost = passwords._MAXIMUM_SCRYPT_WORK, passwords._MAXIMUM_SCRYPT_ROUNDS
    assert f"{memory}, N = 2^{cost}, N * r * p = {work:,}" in listed["scrypt"]
    assert f"at most {passwords._MAXIMUM_STORED_LENGTH} characters" in PAGE.read_text("utf-8")
