"""docs/imports.md lists all kinds of hashes, each with its limit and its forms, because messages refer to it."""

import re
from pathlib import Path

from lback_cli.security import cost_limits, hash_formats
from lback_cli.security.stored_hashes import WEAKNESSES

PAGE = Path(__file__).parents[3] / "docs" / "imports.md"


def kinds() -> dict[str, str]:
    """Return the rows of the tables by kind."""
    section = PAGE.read_text("utf-8").partition("### Kinds of hashes")[2].partition("## Files")[0]
    rows = re.findall(r"^\| (`[a-z0-9_`, ]+`) \|(.*)\|$", section, re.MULTILINE)
    return {kind: rest for names, rest in rows for kind in re.findall(r"[a-z0-9_]+", names)}


def test_every_kind_that_is_verified_is_listed_and_no_other() -> None:
    known = {
        *hash_formats._MODULAR.values(),
        *hash_formats._DJANGO.values(),
        *hash_formats._LDAP_DIGESTS.values(),
        *hash_formats._LDAP_HEX.values(),
        *cost_limits.MAXIMUM_ROUNDS,
        *WEAKNESSES,
    }
    assert kinds().keys() == known


def test_every_form_is_shown() -> None:
    text = PAGE.read_text("utf-8")
    modular = {f"${name}$" for name in hash_formats._MODULAR}
    names = hash_formats._LDAP_DIGESTS.keys() | hash_formats._LDAP_CONVERTERS.keys() | hash_formats._LDAP_HEX.keys()
    shown = modular | {f"{{{name}}}" for name in names | hash_formats._LDAP_WRAPPERS}
    assert {form for form in shown if form not in text} == set()


def test_every_bound_is_that_of_the_code() -> None:
    listed = kinds()
    for kind, most in cost_limits.MAXIMUM_ROUNDS.items():
        bound = f"{most:,} rounds" if most > cost_limits.LARGEST_LOGARITHM else f"cost {most}"
        assert bound in listed[kind], kind
    memory = f"{cost_limits.MAXIMUM_MEMORY // 1024} MiB"
    iterations, lanes = cost_limits.MAXIMUM_ARGON2_ITERATIONS, cost_limits.MAXIMUM_ARGON2_LANES
    assert f"{memory}, {iterations} iterations, {lanes} lanes" in listed["argon2"]
    work, cost = cost_limits.MAXIMUM_SCRYPT_WORK, cost_limits.MAXIMUM_SCRYPT_LOG_N
    assert f"{memory}, N = 2^{cost}, N * r * p = {work:,}" in listed["scrypt"]
    assert f"at most {cost_limits.MAXIMUM_LENGTH} characters" in PAGE.read_text("utf-8")
