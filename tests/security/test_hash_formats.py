"""The forms in which other applications store hashes."""

import base64
import hashlib
import json
import random
import struct
from collections.abc import Callable
from itertools import product
from pathlib import Path

import argon2
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.security import yescrypt
from lback_cli.security.hash_encoding import HashFormatError, argon2_hash, decoded, pbkdf2_hash, scrypt_hash
from lback_cli.security.hash_formats import native_hash
from lback_cli.security.passwords import PasswordHasher
from lback_cli.security.stored_hashes import UNUSABLE_BCRYPT, WEAKNESSES, StoredHash
from lback_cli.settings.schema import PasswordSettings

PASSWORD = "correct horse battery staple"
SALT = b"saltsaltsaltsalt"
LONG_SALT = SALT * 4
TINY = PasswordHasher(PasswordSettings(memory=8, iterations=1, parallelism=1))
BCRYPT = bcrypt.hashpw(PASSWORD.encode(), b"$2b$04$CCCCCCCCCCCCCCCCCCCCC.").decode()
FIXTURES = Path(__file__).parents[1] / "imports" / "sources" / "fixtures"


def inspected(stored: str) -> StoredHash:
    known = TINY.inspect(stored)
    assert known is not None
    return known


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def adapted(data: bytes) -> str:
    return b64(data).rstrip("=").replace("+", ".")


def pbkdf2(digest: str, size: int, salt: bytes = SALT) -> bytes:
    return hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), salt, 1000, size)


def scrypt(cost: int, block_size: int, parallelism: int, size: int) -> bytes:
    return hashlib.scrypt(PASSWORD.encode(), salt=SALT, n=cost, r=block_size, p=parallelism, dklen=size)


def digest(name: str, *, salted: bool = False) -> str:
    return b64(hashlib.new(name, PASSWORD.encode() + (SALT[:8] if salted else b"")).digest() + SALT[: 8 * salted])


def dlitz() -> str:
    """Return a hash of dlitz's PBKDF2, which uses the prefix and the cost as part of the salt."""
    begin = "$p5k2$3e8$saltsalt"
    key = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), begin.encode(), 1000, 24)
    return f"{begin}${b64(key).replace('+', '.')}"


# name -> (scheme, hash of PASSWORD), in addition to those in test_passwords.py.
FORMS = {
    "Werkzeug's PBKDF2": ("pbkdf2_sha256", f"pbkdf2:sha256:1000${SALT.decode()}${pbkdf2('sha256', 32).hex()}"),
    "Werkzeug's PBKDF2 with SHA-512": (
        "pbkdf2_sha512",
        f"pbkdf2:sha512:1000${SALT.decode()}${pbkdf2('sha512', 64).hex()}",
    ),
    "Werkzeug's PBKDF2 with SHA-1": ("pbkdf2_sha1", f"pbkdf2:sha1:1000${SALT.decode()}${pbkdf2('sha1', 20).hex()}"),
    "Cryptacular's PBKDF2": (
        "cta_pbkdf2_sha1",
        f"$p5k2$3e8${base64.urlsafe_b64encode(SALT).decode()}${base64.urlsafe_b64encode(pbkdf2('sha1', 20)).decode()}",
    ),
    "dlitz's PBKDF2": ("dlitz_pbkdf2_sha1", dlitz()),
    "Werkzeug's scrypt": ("scrypt", f"scrypt:64:8:2${SALT.decode()}${scrypt(64, 8, 2, 64).hex()}"),
    "Django's scrypt": ("scrypt", f"scrypt$64${SALT.decode()}$8$5${b64(scrypt(64, 8, 5, 64))}"),
    "Django's unsalted MD5": ("ldap_md5", f"md5$${hashlib.md5(PASSWORD.encode()).hexdigest()}"),
    "Django's unsalted SHA-1": ("ldap_sha1", f"sha1$${hashlib.sha1(PASSWORD.encode()).hexdigest()}"),
    "OpenLDAP's PBKDF2 with SHA-1": (
        "pbkdf2_sha1",
        f"{{PBKDF2-SHA1}}1000${b64(SALT).rstrip('=')}${b64(pbkdf2('sha1', 20)).rstrip('=').replace('+', '.')}",
    ),
    "a longer key of PBKDF2 in LDAP": (
        "pbkdf2_sha256",
        f"{{PBKDF2-SHA256}}1000${b64(SALT)}${b64(pbkdf2('sha256', 64))}",
    ),
    "389 Directory Server's PBKDF2, longer than its column": (
        "pbkdf2_sha256",
        "{PBKDF2_SHA256}" + b64(struct.pack(">I", 1000) + LONG_SALT + pbkdf2("sha256", 256, LONG_SALT)),
    ),
    "ForgeRock's PBKDF2": (
        "pbkdf2_sha256",
        "{PBKDF2-HMAC-SHA256}1000:" + b64(pbkdf2("sha256", 32) + SALT),
    ),
    "a longer key of PBKDF2": (
        "pbkdf2_sha256",
        f"$pbkdf2-sha256$1000${adapted(SALT)}${adapted(pbkdf2('sha256', 64))}",
    ),
    "a shorter key of PBKDF2": (
        "short_pbkdf2",
        f"$pbkdf2-sha512$1000${adapted(SALT)}${adapted(pbkdf2('sha512', 32))}",
    ),
    "Kratos's PBKDF2 with a shorter key": (
        "short_pbkdf2",
        f"$pbkdf2-sha256$i=1000,l=128${b64(SALT).rstrip('=')}${b64(pbkdf2('sha256', 16)).rstrip('=')}",
    ),
    "Kratos's MD5": ("ldap_md5", "$md5$" + digest("md5")),
    "Kratos's MD5 of password and salt": (
        "ldap_salted_md5",
        f"$md5$pf={b64(b'{PASSWORD}{SALT}')}${b64(SALT)}${b64(hashlib.md5(PASSWORD.encode() + SALT).digest())}",
    ),
    "Kratos's MD5 of salt and password": (
        "django_salted_md5",
        f"$md5$pf={b64(b'{SALT}{PASSWORD}')}${b64(SALT)}${b64(hashlib.md5(SALT + PASSWORD.encode()).digest())}",
    ),
    "Nextcloud's Argon2": ("argon2", "3|" + argon2.PasswordHasher(1, 64, 1).hash(PASSWORD)),
    "Nextcloud's bcrypt": ("bcrypt", "1|" + BCRYPT.replace("$2b$", "$2y$")),
    "LDAP's MD5": ("ldap_md5", "{MD5}" + digest("md5")),
    "LDAP's SHA-1": ("ldap_sha1", "{SHA}" + digest("sha1")),
    "LDAP's MD5 in hex": ("ldap_md5", "{MD5}" + hashlib.md5(PASSWORD.encode()).hexdigest()),
    "LDAP's SHA-1 in hex": ("ldap_sha1", "{SHA}" + hashlib.sha1(PASSWORD.encode()).hexdigest().upper()),
    "LDAP's SHA-256": ("hex_sha256", "{SHA256}" + digest("sha256")),
    "LDAP's SHA-512": ("hex_sha512", "{SHA512}" + digest("sha512")),
    "LDAP's salted SHA-1 in lower case": ("ldap_salted_sha1", "{ssha}" + digest("sha1", salted=True)),
    "Dovecot's bcrypt": ("bcrypt", "{BLF-CRYPT}" + BCRYPT.replace("$2b$", "$2y$")),
    "crypt in lower case": ("bcrypt", "{crypt}" + BCRYPT),
    "Argon2d": ("argon2", argon2.PasswordHasher(1, 64, 1, type=argon2.Type.D).hash(PASSWORD)),
    "Argon2 of version 1.0": (
        "argon2",
        argon2_hash(
            "id",
            version=16,
            memory=64,
            iterations=1,
            parallelism=1,
            salt=SALT,
            tag=argon2.low_level.hash_secret_raw(PASSWORD.encode(), SALT, 1, 64, 1, 32, argon2.Type.ID, 16),
        ),
    ),
}

ARGON2 = "$argon2id$v=19${}$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43
# Known forms that are too costly, too short or damaged.
REJECTED = {
    "Werkzeug's PBKDF2 of too many rounds": f"pbkdf2:sha256:2000001$s${'0' * 64}",
    "Werkzeug's PBKDF2 without rounds": f"pbkdf2:sha256$s${'0' * 64}",
    "Werkzeug's PBKDF2 with a short key": f"pbkdf2:sha256:1000$s${'0' * 30}",
    "Kratos's MD5 of another order": f"$md5$pf={b64(b'{SALT}{PASSWORD}{SALT}')}${b64(SALT)}${'A' * 22}==",
    "a PBKDF2 of 389 Directory Server that is cut off": "{PBKDF2_SHA256}AAAIAA",
    "a short key of PBKDF2 without rounds": f"$pbkdf2-sha512$0${adapted(SALT)}${adapted(bytes(32))}",
    "Argon2 with a tag of 15 bytes": argon2.PasswordHasher(1, 64, 1, hash_len=15).hash(PASSWORD),
    "Werkzeug's PBKDF2 with SHA-224": f"pbkdf2:sha224:1000$s${'0' * 64}",
    "Werkzeug's PBKDF2 with rounds that are not a number": f"pbkdf2:sha256:many$s${'0' * 64}",
    "Werkzeug's PBKDF2 with negative rounds": f"pbkdf2:sha256:-1$s${'0' * 64}",
    "Werkzeug's scrypt of 4 GiB": f"scrypt:4194304:8:1$s${'0' * 128}",
    "Werkzeug's scrypt of endless parallelism": f"scrypt:16384:8:1000000$s${'0' * 128}",
    "Werkzeug's scrypt of a cost that is not a power of two": f"scrypt:1000:8:1$s${'0' * 128}",
    "Werkzeug's scrypt of no cost": f"scrypt:0:8:1$s${'0' * 128}",
    "Werkzeug's scrypt without a salt's end": "scrypt:1024:8:1$s",
    "Django's scrypt of 4 GiB": f"scrypt$4194304$s$8$1${'A' * 86}==",
    "Django's scrypt with a part missing": f"scrypt$64$s$8${'A' * 86}==",
    "LDAP's PBKDF2 of too many rounds": f"{{PBKDF2-SHA512}}2000001$c2FsdA${'A' * 86}",
    "LDAP's PBKDF2 with a part missing": "{PBKDF2-SHA512}1000$c2FsdA",
    "crypt's SHA-1 of too many rounds": f"$sha1$1000001$salt${'A' * 28}",
    "a digest that is not base64": "{SHA256}****",
    "a digest of another length": "{SHA256}c2hvcnQ=",
    "an MD5 of another length": "{MD5}c2hvcnQ=",
    "an MD5 that is half in hex": "{MD5}" + "0" * 30,
    "an MD5 that is not hexadecimal": "{MD5}" + "x" * 32,
    "a SHA-1 of another length": "{SHA}" + "0" * 42,
    "an unsalted MD5 of Django's that is cut off": "md5$$" + "0" * 30,
    "a wrapped bcrypt of cost 31": "{CRYPT}$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "a word that DES could be": "UMaTFk9ONYhVw",
    "DES of another length": "{CRYPT}UMaTFk9ONYhV",
    "an unsalted digest of Django's that is not hexadecimal": "md5$$zz",
    "braces": "{}",
    "one brace": "{SSHA",
    "what is wrapped twice": "{CRYPT}{CRYPT}" + BCRYPT,
    "yescrypt of 512 MiB": "$y$jET$hXGvQnPG2Od3rPLzT4msV0$s8VqmpteEpUiFbBwxkMD9IZ91sff.6jOB8kcczMhjv0",
    "yescrypt of other flags": "$y$k9T$hXGvQnPG2Od3rPLzT4msV0$s8VqmpteEpUiFbBwxkMD9IZ91sff.6jOB8kcczMhjv0",
    "yescrypt without a hash": "$y$j9T$hXGvQnPG2Od3rPLzT4msV0$",
}


@pytest.mark.parametrize("name", FORMS)
def test_form_of_another_application_is_verified_and_replaced(name: str) -> None:
    scheme, stored = FORMS[name]
    assert inspected(stored).scheme == scheme
    assert TINY.rejection_reason(stored) is None
    accepted = TINY.verify(PASSWORD, stored)
    assert accepted.accepted
    assert accepted.replacement is not None
    assert inspected(accepted.replacement) == StoredHash("argon2", accepted.replacement, current=True)
    before = TINY.operations
    assert not TINY.verify(PASSWORD + "x", stored).accepted
    assert not TINY.verify("", stored).accepted
    assert TINY.operations == before + 2


def test_hashes_made_by_werkzeug_are_verified() -> None:
    made = json.loads((FIXTURES / "werkzeug.json").read_text("utf-8"))
    assert {
        method: TINY.verify("Grüße aus dem alten System 7", stored).accepted for method, stored in made.items()
    } == {
        "scrypt": True,
        "pbkdf2:sha256:2000": True,
        "pbkdf2:sha512:2000": True,
        "pbkdf2:sha1:2000": True,
    }


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        # From the documentation of Kratos's import, and from a test of ForgeRock's directory.
        ("123456", "$pbkdf2-sha256$i=1000,l=128$e8/arsEf4cvQihdNgqj0Nw$5xQQKNTyeTHx2Ld5/JDE7A"),
        ("password", "{PBKDF2-HMAC-SHA256}10000:xKsMmlzVLRYdYzcgBuD3ZIAeSj8tNhjDHGFDqhth8Kcbw5qjL5UZxaiS2awL1HjO"),
    ],
)
def test_published_hash_is_verified(password: str, stored: str) -> None:
    assert TINY.verify(password, stored).accepted
    assert not TINY.verify(password + "x", stored).accepted


def test_hash_that_is_too_long_is_stored_in_a_shorter_format() -> None:
    stored = FORMS["389 Directory Server's PBKDF2, longer than its column"][1]
    shorter = TINY.storable(stored)
    assert len(stored) > 255 > len(shorter)
    assert TINY.verify(PASSWORD, shorter).accepted
    assert [TINY.storable(text) for text in (BCRYPT, "x" * 300)] == [BCRYPT, "x" * 300]


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_hash_accepts_nothing_at_the_usual_cost(name: str) -> None:
    stored = REJECTED[name]
    assert TINY.inspect(stored) is None
    assert TINY.rejection_reason(stored) is not None
    before = TINY.operations
    assert not TINY.verify(PASSWORD, stored).accepted
    assert TINY.operations == before + 1


@pytest.mark.parametrize(
    ("stored", "objection"),
    [
        (BCRYPT, None),
        ("", "has an unknown format"),
        ("secret", "has an unknown format"),
        ("x" * 256, "has 256 characters; the limit is 255"),
        ("$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "requires cost 31; the limit is 14"),
        ("$2b$10$CCCC", "is damaged"),
        ("{SSHA}AAAA", "is damaged"),
        ("{MD5}AAAA", "is damaged"),
        (f"pbkdf2:sha256:1000$s${'0' * 20}", "has a key of 10 bytes, of which lback needs 16"),
        (f"pbkdf2:sha224:1000$s${'0' * 64}", "uses PBKDF2 with sha224, which lback does not support"),
        ("$md5,rounds=5000$abcdefgh$x", "is Sun's MD5, which lback cannot verify"),
        (f"pbkdf2:sha256$s${'0' * 64}", "is damaged"),
        (f"pbkdf2:sha256:2000001$s${'0' * 64}", "requires 2,000,001 rounds; the limit is 2,000,000"),
        (f"scrypt:4194304:8:1$s${'0' * 128}", "requires 4 GiB of memory; the limit is 256 MiB"),
        (f"scrypt:262144:1:1$s${'0' * 128}", "requires N = 2^18; the limit is 2^17"),
        (f"scrypt:16384:8:100$s${'0' * 128}", "requires N * r * p = 13,107,200; the limit is 2,097,152"),
        (ARGON2.format("m=262656,t=1,p=1"), "requires 256.5 MiB of memory; the limit is 256 MiB"),
        (ARGON2.format("m=64,t=11,p=1"), "requires 11 iterations; the limit is 10"),
        (ARGON2.format("m=128,t=1,p=9"), "requires 9 lanes; the limit is 8"),
        (
            ARGON2.format("m=262144,t=5,p=1"),
            "requires 1.25 GiB of memory in all iterations; the limit is 1 GiB",
        ),
        (ARGON2.format("m=262144,t=10,p=8"), "requires 2.5 GiB of memory in all iterations; the limit is 1 GiB"),
        (ARGON2.format("m=262144,t=4,p=8"), None),
        (ARGON2.format("m=104857,t=10,p=1"), None),
        (ARGON2.format("m=8,t=1,p=2"), "is damaged"),
        (f"$p5k2$1e8481$c2FsdA==${'A' * 27}=", "requires 2,000,001 rounds; the limit is 2,000,000"),
        (f"$p5k2$f4241$salt${'A' * 32}", "requires 1,000,001 rounds; the limit is 1,000,000"),
        ("$p5k2$", "is damaged"),
        ("grub.pbkdf2.sha512.10000." + "A" * 257, "is GRUB's PBKDF2, which lback cannot verify"),
        ("$scram$6400$c2FsdA$sha-1=AA", "is a set of SCRAM keys, which lback cannot verify"),
        ("{FSHP1|8|4096}AA", "is FSHP, which lback cannot verify"),
        ("$y$jET$salt$hash", "requires 512 MiB of memory; the limit is 256 MiB"),
        ("$y$k9T$salt$hash", "is yescrypt with unsupported parameters"),
        ("{SASL}ann@x.org", "is a reference to another server, which lback cannot verify"),
        ("$gy$j9T$a$b", "is gost-yescrypt, which lback cannot verify"),
        ("$wp$2y$10$abc", "is WordPress's bcrypt over HMAC-SHA-384, which lback cannot verify"),
    ],
)
def test_rejection_reason_says_what_is_wrong(stored: str, objection: str | None) -> None:
    assert TINY.rejection_reason(stored) == objection


@pytest.mark.parametrize(
    ("available", "objection"),
    [
        (True, "is damaged"),
        (False, "is yescrypt, which this system cannot verify without libxcrypt"),
    ],
)
def test_damaged_yescrypt_differs_from_missing_libxcrypt(
    monkeypatch: pytest.MonkeyPatch, *, available: bool, objection: str
) -> None:
    monkeypatch.setattr(yescrypt, "is_available", lambda: available)
    assert TINY.rejection_reason("$y$j9T$salt$") == objection


def test_memory_of_yescrypt_follows_libxcrypts_costs() -> None:
    costs = ("j75", "j85", "j7T", "j8T", "j9T", "jAT", "jBT", "jCT", "jDT", "jET", "jFT")
    assert [yescrypt.memory(f"$y${cost}$s$h") for cost in costs] == [2**n for n in range(10, 21)]


def test_only_weak_schemes_have_a_weakness() -> None:
    weak = {scheme: inspected(stored).weakness for scheme, stored in FORMS.values()}
    assert weak == {
        "pbkdf2_sha256": None,
        "pbkdf2_sha512": None,
        "pbkdf2_sha1": None,
        "cta_pbkdf2_sha1": None,
        "dlitz_pbkdf2_sha1": None,
        "scrypt": None,
        "bcrypt": None,
        "argon2": None,
        "ldap_md5": "unsalted MD5",
        "ldap_sha1": "unsalted SHA-1",
        "hex_sha256": "unsalted SHA-256",
        "hex_sha512": "unsalted SHA-512",
        "ldap_salted_sha1": "one round of SHA-1",
        "ldap_salted_md5": "one round of MD5",
        "django_salted_md5": "one round of MD5",
        "short_pbkdf2": None,
    }
    assert inspected("{CRYPT}UMaTFk9ONYhVw").weakness == "DES of at most 8 ASCII characters"


def test_every_weak_scheme_exists() -> None:
    from passlib.registry import list_crypt_handlers

    assert WEAKNESSES.keys() <= set(list_crypt_handlers())


def test_des_accepts_only_8_ascii_characters() -> None:
    from passlib.hash import des_crypt

    stored = "{CRYPT}" + des_crypt.using(salt="ab").hash("12345678")
    assert TINY.verify("12345678", stored).accepted
    assert not TINY.verify("123456789", stored).accepted
    # DES uses seven bits of each byte, so it confuses this character with an A and a control character.
    stored = "{CRYPT}" + des_crypt.using(salt="ab").hash("\u00c1")
    assert not TINY.verify("\u00c1", stored).accepted


def test_patterns_of_inspect_agree_with_the_parser() -> None:
    """`inspect` recognises the commonest forms by a pattern, and must return what the parser returns for every text."""
    chance = random.Random(20240607)
    hasher = PasswordHasher(PasswordSettings(memory=64, iterations=1, parallelism=1))
    seeds = [hasher.hash(PASSWORD), BCRYPT, BCRYPT.replace("04", "14"), BCRYPT.replace("$2b$", "$2a$")]
    for kind, memory, salt, tag in product(("i", "d", "id"), (8, 262_145), (8, 16, 22), (15, 16, 32, 64)):
        cost = {"version": 19, "memory": memory, "iterations": 3, "parallelism": 1}
        text = argon2_hash(kind, **cost, salt=bytes(range(salt)), tag=bytes(range(tag)))
        seeds += [text, f"argon2{text}", f"{{ARGON2ID}}{text}"]
    alphabet = "$,=./0123456789ABCQaegwz+ \n"
    recognised = 0
    for _ in range(4000):
        stored = chance.choice(seeds)
        for _ in range(chance.randint(0, 2)):
            place = chance.randrange(len(stored))
            stored = stored[:place] + chance.choice(["", *alphabet]) + stored[place + chance.randint(0, 1) :]
        first = hasher.inspect(stored)
        try:
            parsed = hasher._parse(stored)
        except Warning:
            # libpass warns about unused bits that are not zero, and clears them; the pattern is stricter.
            assert first is None
            continue
        recognised += first is not None
        assert first == parsed, stored
    assert recognised > 500


CURRENT = argon2_hash("id", version=19, memory=8, iterations=1, parallelism=1, salt=SALT, tag=bytes(32))
OTHER = argon2_hash("i", version=19, memory=4096, iterations=3, parallelism=2, salt=LONG_SALT[:18], tag=bytes(16))
PLAIN = [CURRENT, BCRYPT, OTHER, OTHER.replace("$argon2i", "argon2$argon2i")]


@given(st.lists(st.sampled_from(PLAIN[:3]), min_size=1))
def test_hashes_of_three_forms_are_plain(hashes: list[str]) -> None:
    assert TINY.are_plain(hashes)


@given(
    st.lists(st.sampled_from(PLAIN), min_size=1),
    st.tuples(st.sampled_from(PLAIN), st.integers(0, 60), st.sampled_from(["", "\n", "$", "!", "b", "A", "9"])),
)
def test_plain_hashes_may_be_stored(hashes: list[str], changed: tuple[str, int, str]) -> None:
    stored, place, character = changed
    hashes = [*hashes, stored[:place] + character + stored[place + 1 :]]
    if TINY.are_plain(hashes):
        assert [TINY.rejection_reason(stored) for stored in hashes] == [None] * len(hashes)
        assert list(map(TINY.storable, hashes)) == hashes


@pytest.mark.parametrize(
    "stored",
    [
        *("", "!", UNUSABLE_BCRYPT, f"{BCRYPT}\n{BCRYPT}", f"{BCRYPT}\n", OTHER.replace("m=4096", "m=262145")),
        *(CURRENT[:-1] + "B", OTHER.replace("v=19", "v=16"), "$y$j9T$salt$hash"),
    ],
)
def test_hash_that_needs_a_closer_look_is_not_plain(stored: str) -> None:
    assert not TINY.are_plain([stored])
    assert not TINY.are_plain([CURRENT, OTHER, stored])


def test_framework_knows_plain_hashes_by_bcrypt_only() -> None:
    hasher = PasswordHasher(PasswordSettings(), framework=True)
    assert [hasher.are_plain([stored]) for stored in PLAIN] == [False, True, False, False]


@given(st.text(max_size=60))
def test_arbitrary_text_is_inspected_without_error(text: str) -> None:
    for prefix in ("", "$", "{", "{PBKDF2}", "scrypt:", "pbkdf2:sha256:", "scrypt$", "md5$$", "crypt$", "{CRYPT}"):
        stored = prefix + text
        native_hash(stored)  # raises nothing
        assert (TINY.rejection_reason(stored) is None) == (TINY.inspect(stored) is not None), stored


@given(st.binary(max_size=40))
def test_base64_is_decoded_in_every_alphabet(data: bytes) -> None:
    usual = b64(data)
    for spelling in (usual, usual.rstrip("="), usual.replace("+", "."), usual.rstrip("=").replace("+", ".")):
        assert decoded(spelling) == data


def test_too_short_key_is_rejected() -> None:
    makers: list[Callable[[], str]] = [
        lambda: pbkdf2_hash("sha256", 1000, SALT, b"x" * 15),
        lambda: pbkdf2_hash("md5", 1000, SALT, b"x" * 64),
        lambda: scrypt_hash(1024, 8, 1, SALT, b"x" * 31),
        lambda: scrypt_hash(1, 8, 1, SALT, b"x" * 32),
    ]
    for make in makers:
        with pytest.raises(HashFormatError):
            make()


@pytest.mark.parametrize("place", [28, 59], ids=["salt", "digest"])
@pytest.mark.parametrize("wrapped", ["{}", "bcrypt${}", "{{CRYPT}}{}"])
def test_unused_bits_of_bcrypt_are_ignored(wrapped: str, place: int) -> None:
    # The last character of the salt and of the digest has unused bits, which the next character sets.
    odd = BCRYPT[:place] + chr(ord(BCRYPT[place]) + 1) + BCRYPT[place + 1 :]
    assert native_hash(wrapped.format(odd)) == native_hash(wrapped.format(BCRYPT)) == ("bcrypt", BCRYPT)
    assert TINY.rejection_reason(wrapped.format(odd)) is None
    assert TINY.verify(PASSWORD, wrapped.format(odd)).accepted
    assert not TINY.verify("something else", wrapped.format(odd)).accepted
    beside = PasswordHasher(PasswordSettings(), framework=True)
    assert beside.rejection_reason(odd) == "uses bcrypt in a form that the application cannot verify"
