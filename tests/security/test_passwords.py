import base64
import hashlib
import random
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from contextlib import AbstractContextManager

import argon2
import bcrypt
import pytest
from argon2.low_level import ARGON2_VERSION, core, ffi
from hypothesis import given, settings
from hypothesis import strategies as st

from lback_cli.errors import PasswordHashingError
from lback_cli.security.passwords import _DUMMY_PASSWORD, PasswordHasher, Verification
from lback_cli.security.stored_hashes import StoredHash
from lback_cli.settings.schema import PasswordSettings

PASSWORD = "correct horse battery staple"
CHEAP_PARAMETERS = "m=19456,t=2,p=1"
REFUSED = Verification(accepted=False, replacement=None)
KEPT = Verification(accepted=True, replacement=None)

# Cheaper than the configuration allows, for tests with many inputs.
TINY = PasswordHasher(PasswordSettings(memory=8, iterations=1, parallelism=1))


def scheme_of(hasher: PasswordHasher, stored: str) -> str | None:
    known = hasher.inspect(stored)
    return None if known is None else known.scheme


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unpadded(data: bytes) -> str:
    return b64(data).rstrip("=")


def pbkdf2(digest: str, rounds: int, salt: bytes = b"saltsalt") -> bytes:
    return hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), salt, rounds)


def made_elsewhere() -> dict[str, tuple[str, str]]:
    """Return hashes of PASSWORD made by other libraries: name -> (scheme, hash)."""
    salted = {
        name: f"{{{name}}}" + b64(hashlib.new(digest, PASSWORD.encode() + b"saltsalt").digest() + b"saltsalt")
        for name, digest in (("SSHA", "sha1"), ("SSHA256", "sha256"), ("SSHA512", "sha512"), ("SMD5", "md5"))
    }
    bcrypt_hash = bcrypt.hashpw(PASSWORD.encode(), b"$2b$05$CCCCCCCCCCCCCCCCCCCCC.").decode()
    prehashed = bcrypt.hashpw(
        hashlib.sha256(PASSWORD.encode()).hexdigest().encode(), b"$2b$05$CCCCCCCCCCCCCCCCCCCCC."
    ).decode()
    other_cost = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=2).hash(PASSWORD)
    other_type = argon2.PasswordHasher(2, 19456, 1, type=argon2.Type.I).hash(PASSWORD)
    scrypt = hashlib.scrypt(PASSWORD.encode(), salt=b"saltsalt", n=2**5, r=8, p=1, dklen=32)
    ab64 = unpadded(pbkdf2("sha256", 1000)).replace("+", ".")
    return {
        "another cost": ("argon2", other_cost),
        "another type": ("argon2", other_type),
        "Django's Argon2": ("argon2", "argon2" + other_cost),
        "OpenLDAP's Argon2": ("argon2", "{ARGON2}" + other_cost),
        "bcrypt": ("bcrypt", bcrypt_hash),
        "PHP's bcrypt": ("bcrypt", bcrypt_hash.replace("$2b$", "$2y$")),
        "Django's bcrypt": ("bcrypt", "bcrypt$" + bcrypt_hash),
        "OpenLDAP's bcrypt": ("bcrypt", "{CRYPT}" + bcrypt_hash),
        "Django's bcrypt over SHA-256": ("django_bcrypt_sha256", "bcrypt_sha256$" + prehashed),
        "scrypt": ("scrypt", f"$scrypt$ln=5,r=8,p=1${unpadded(b'saltsalt')}${unpadded(scrypt)}"),
        "PBKDF2": ("pbkdf2_sha256", f"$pbkdf2-sha256$1000${unpadded(b'saltsalt')}${ab64}"),
        "OpenLDAP's PBKDF2": ("pbkdf2_sha256", f"{{PBKDF2-SHA256}}1000${unpadded(b'saltsalt')}${ab64}"),
        "Django's PBKDF2": ("django_pbkdf2_sha256", f"pbkdf2_sha256$1000$saltsalt${b64(pbkdf2('sha256', 1000))}"),
        "Django's PBKDF2 with SHA-1": ("django_pbkdf2_sha1", f"pbkdf2_sha1$1000$saltsalt${b64(pbkdf2('sha1', 1000))}"),
        "Django's SHA-1": (
            "django_salted_sha1",
            f"sha1$saltsalt${hashlib.sha1(b'saltsalt' + PASSWORD.encode()).hexdigest()}",
        ),
        "LDAP's SHA-1": ("ldap_salted_sha1", salted["SSHA"]),
        "LDAP's SHA-256": ("ldap_salted_sha256", salted["SSHA256"]),
        "LDAP's SHA-512": ("ldap_salted_sha512", salted["SSHA512"]),
        "LDAP's MD5": ("ldap_salted_md5", salted["SMD5"]),
    }


FOREIGN = made_elsewhere()

# Published vectors: the reference implementation of Argon2 (test.c), Openwall's crypt_blowfish and phpass, and
# U. Drepper's specification of SHA-crypt.
PUBLISHED = [
    (
        "argon2",
        "password",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ),
    ("bcrypt", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("phpass", "test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    ("sha256_crypt", "Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (
        "sha512_crypt",
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
]

# Hashes that are too costly, or invalid.
HOSTILE = [
    f"$argon2id$v=19$m=4194304,t=1,p=1${'A' * 22}${'A' * 43}",
    f"$argon2id$v=19$m=262145,t=1,p=1${'A' * 22}${'A' * 43}",
    f"$argon2id$v=19$m=65536,t=11,p=1${'A' * 22}${'A' * 43}",
    f"$argon2id$v=19$m=65536,t=4294967295,p=1${'A' * 22}${'A' * 43}",
    f"$argon2id$v=19$m=65536,t=1,p=9${'A' * 22}${'A' * 43}",
    f"$argon2id$v=19$m=16,t=1,p=4${'A' * 22}${'A' * 43}",
    f"$argon2id$v=19$m=65536,t=1,p=1${'A' * 22}$AAAAAA",
    f"$argon2id$v=19$m=65536,t=1,p=1${'A' * 22}",
    f"argon2$argon2id$v=19$m=4194304,t=1,p=1${'A' * 22}${'A' * 43}",
    "$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "bcrypt_sha256$$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    f"$scrypt$ln=18,r=8,p=1${'A' * 22}${'A' * 43}",
    f"$scrypt$ln=31,r=8,p=1${'A' * 22}${'A' * 43}",
    f"$scrypt$ln=17,r=8,p=4${'A' * 22}${'A' * 43}",
    f"$scrypt$ln=10,r=1048576,p=1${'A' * 22}${'A' * 43}",
    f"$pbkdf2-sha256$2000001${'A' * 22}${'A' * 43}",
    f"$pbkdf2-sha512$4294967295${'A' * 22}${'A' * 86}",
    f"pbkdf2_sha256$2000001$salt${'A' * 43}=",
    f"$6$rounds=1000001$saltstring${'A' * 86}",
    f"$5$rounds=999999999$saltstring${'A' * 43}",
    "$P$UIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0",
]

UNUSABLE = [
    "",
    "!",
    "!" + "x" * 40,
    "*",
    "x",
    PASSWORD,
    "\0",
    "\ud800",
    "$argon2id$",
    "$2b$",
    "$2b$05$",
    "{SSHA}",
    "{CRYPT}x",
    f"$scrypt$ln=5,r=8,p=1${'A' * 22}",
    f"$pbkdf2-sha256$1000${'A' * 22}",
    f"$pbkdf2-sha256$1000${'A' * 1300}${'A' * 43}",
    f"$argon2id$v=19${CHEAP_PARAMETERS},data=AAAA${'A' * 22}${'A' * 43}",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "$argon2id$v=19$" + "m=1," * 1000,
    f"$argon2id$v=19${CHEAP_PARAMETERS}${'A' * 22}${'A' * 43}\0",
    f"$argon2id$v=19${CHEAP_PARAMETERS}${'A' * 22}${'A' * 43}\n",
    f"$argon2id$v=19$m={'9' * 5000},t=1,p=1${'A' * 22}${'A' * 43}",
]


def test_rfc_9106_section_5_3_argon2id_test_vector() -> None:
    password, salt, secret, data = b"\x01" * 32, b"\x02" * 16, b"\x03" * 8, b"\x04" * 12
    tag = ffi.new("uint8_t[]", 32)
    buffers = [ffi.new("uint8_t[]", value) for value in (password, salt, secret, data)]
    context = ffi.new(
        "argon2_context *",
        {
            "version": ARGON2_VERSION,
            "out": tag,
            "outlen": 32,
            "pwd": buffers[0],
            "pwdlen": len(password),
            "salt": buffers[1],
            "saltlen": len(salt),
            "secret": buffers[2],
            "secretlen": len(secret),
            "ad": buffers[3],
            "adlen": len(data),
            "t_cost": 3,
            "m_cost": 32,
            "lanes": 4,
            "threads": 4,
            "allocate_cbk": ffi.NULL,
            "free_cbk": ffi.NULL,
            "flags": 0,
        },
    )
    assert core(context, argon2.Type.ID.value) == 0
    assert bytes(ffi.buffer(tag)).hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


@pytest.mark.parametrize(("scheme", "password", "stored"), PUBLISHED)
def test_published_hash_is_verified(hasher: PasswordHasher, scheme: str, password: str, stored: str) -> None:
    assert scheme_of(hasher, stored) == scheme
    assert hasher.verify(password, stored).accepted
    assert hasher.verify(password + "x", stored) == REFUSED


def test_hash_is_argon2id_of_the_configured_cost_with_a_new_salt(hasher: PasswordHasher) -> None:
    first, second = hasher.hash(PASSWORD), hasher.hash(PASSWORD)
    assert first != second
    for stored in (first, second):
        match = re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$([^$]+)\$([^$]+)", stored)
        assert match
        assert [len(base64.b64decode(part + "==")) for part in match.groups()] == [16, 32]
        # Another implementation agrees.
        assert argon2.PasswordHasher().verify(stored, PASSWORD)


def test_default_cost_is_the_second_choice_of_rfc_9106() -> None:
    assert PasswordHasher(PasswordSettings()).hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_current_hash_is_verified_and_kept(hasher: PasswordHasher) -> None:
    stored = hasher.hash(PASSWORD)
    assert scheme_of(hasher, stored) == "argon2"
    assert hasher.verify(PASSWORD, stored) == KEPT
    assert hasher.verify("", stored) == REFUSED


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_hash_is_replaced_once(hasher: PasswordHasher, name: str) -> None:
    scheme, stored = FOREIGN[name]
    assert scheme_of(hasher, stored) == scheme
    first = hasher.verify(PASSWORD, stored)
    assert first.accepted
    assert first.replacement is not None
    assert first.replacement.startswith(f"$argon2id$v=19${CHEAP_PARAMETERS}$")
    assert hasher.verify(PASSWORD, first.replacement) == KEPT
    assert hasher.verify(PASSWORD.upper(), stored) == REFUSED


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_hash_is_kept_without_upgrades(name: str) -> None:
    hasher = PasswordHasher(PasswordSettings(memory=19456, iterations=2, parallelism=1, upgrade_at_login=False))
    assert hasher.verify(PASSWORD, FOREIGN[name][1]) == KEPT


def paths() -> dict[str, tuple[str, str | None, bool, bool]]:
    """Return every path through a verification: name -> (password, stored, upgrade_at_login, accepted)."""
    current = argon2.PasswordHasher(2, 19456, 1).hash(PASSWORD)
    found: dict[str, tuple[str, str | None, bool, bool]] = {
        "unknown user": (PASSWORD, None, True, False),
        "right password": (PASSWORD, current, True, True),
        "wrong password": ("wrong", current, True, False),
        "empty password": ("", current, True, False),
        "empty password of an unknown user": ("", None, True, False),
        "huge password": ("x" * 2**20, current, True, False),
        "huge password of an unknown user": ("x" * 2**20, None, True, False),
        "password that is not text": ("a\ud800", current, True, False),
        "password with NUL": (PASSWORD + "\0", current, True, False),
        "bcrypt and a password with NUL": (PASSWORD + "\0x", FOREIGN["bcrypt"][1], True, False),
        "bcrypt and a password of 73 bytes": ("x" * 73, FOREIGN["bcrypt"][1], True, False),
    }
    for number, stored in enumerate(UNUSABLE):
        found[f"unusable hash {number}"] = (PASSWORD, stored, True, False)
    for number, stored in enumerate(HOSTILE):
        found[f"hostile hash {number}"] = (PASSWORD, stored, True, False)
    for name, (_, stored) in FOREIGN.items():
        found[f"{name}, right password"] = (PASSWORD, stored, True, True)
        found[f"{name}, right password, no upgrade"] = (PASSWORD, stored, False, True)
        found[f"{name}, wrong password"] = ("wrong", stored, True, False)
    return found


PATHS = paths()


@pytest.mark.parametrize("name", PATHS)
def test_asvs_6_3_8_every_verification_costs_one_hash_of_the_current_cost(
    name: str, argon2_calls: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    password, stored, upgrade, accepted = PATHS[name]
    hasher = PasswordHasher(PasswordSettings(memory=19456, iterations=2, parallelism=1, upgrade_at_login=upgrade))
    with argon2_calls() as calls:
        assert hasher.verify(password, stored).accepted == accepted
    assert hasher.operations == 1
    # argon2-cffi computed one hash of the current cost, and otherwise only the foreign one.
    current = f"argon2id {CHEAP_PARAMETERS}"
    assert calls.count(current) == 1
    foreign = {"argon2id m=8192,t=1,p=2", f"argon2i {CHEAP_PARAMETERS}"}
    assert set(calls) - {current} <= foreign
    assert len(calls) == (2 if "another" in name or "'s Argon2" in name else 1)


@pytest.mark.parametrize("stored", HOSTILE + UNUSABLE)
def test_hostile_or_unusable_hash_has_no_scheme(hasher: PasswordHasher, stored: str) -> None:
    assert hasher.inspect(stored) is None


@pytest.mark.parametrize("part", ["m=", "t=", "p="])
def test_hash_that_only_the_parser_accepts_is_refused_at_the_usual_cost(hasher: PasswordHasher, part: str) -> None:
    stored = argon2.PasswordHasher(2, 19456, 1).hash(PASSWORD).replace(part, f"{part}0")
    assert hasher.verify(PASSWORD, stored) == REFUSED
    assert hasher.operations == 1


def test_configured_cost_may_exceed_the_limits_of_foreign_hashes() -> None:
    settings = PasswordSettings(memory=512, iterations=12, parallelism=10)
    hasher = PasswordHasher(settings)
    stored = hasher.hash(PASSWORD)
    assert hasher.verify(PASSWORD, stored) == KEPT
    assert TINY.inspect(stored) is None


@pytest.mark.parametrize("cost", ["m=300000,t=1,p=1", "m=128,t=11,p=1", "m=128,t=1,p=9"])
def test_hash_of_another_cost_may_require_as_much_as_the_configured_one(cost: str) -> None:
    stored = f"$argon2id$v=19${cost}${unpadded(bytes(16))}${unpadded(bytes(32))}"
    more = PasswordHasher(PasswordSettings(memory=300_000, iterations=11, parallelism=9))
    less = PasswordHasher(PasswordSettings(memory=299_999, iterations=10, parallelism=8))
    assert more.inspect(stored) == StoredHash("argon2", stored)
    assert less.inspect(stored) is None


@pytest.mark.parametrize("password", ["x" * 73, f"{_DUMMY_PASSWORD}\0"])
def test_password_that_bcrypt_cannot_use_is_not_taken_for_what_is_hashed_in_its_place(password: str) -> None:
    beside = PasswordHasher(PasswordSettings(), framework=True)
    for hasher, stored in (
        (TINY, bcrypt.hashpw(_DUMMY_PASSWORD.encode(), bcrypt.gensalt(4)).decode()),
        (beside, beside.hash(_DUMMY_PASSWORD)),
    ):
        assert hasher.verify(_DUMMY_PASSWORD, stored).accepted
        assert hasher.verify(password, stored) == REFUSED


@pytest.mark.parametrize("length", [71, 72, 73, 4096])
@pytest.mark.parametrize("character", ["x", "é", "\U0001f600"])
def test_bcrypt_accepts_no_password_longer_than_72_bytes(length: int, character: str) -> None:
    password = (character * length)[: length // len(character.encode()) + 1]
    size = len(password.encode())
    stored = bcrypt.hashpw(password.encode()[:72], b"$2b$04$CCCCCCCCCCCCCCCCCCCCC.").decode()
    assert TINY.verify(password, stored).accepted == (size <= 72)
    assert TINY.verify(password + "y", stored) == REFUSED


@settings(max_examples=200)
@given(st.text(min_size=1, max_size=80))
def test_asvs_6_2_8_only_the_password_itself_is_accepted(password: str) -> None:
    normalized = unicodedata.normalize("NFC", password)
    stored = TINY.hash(normalized)
    assert TINY.verify(password, stored) == KEPT
    assert TINY.verify(unicodedata.normalize("NFD", password), stored) == KEPT
    for other in (password[:-1], password + "x", " " + password, password.swapcase(), password.strip()):
        same = unicodedata.normalize("NFC", other) == normalized
        assert TINY.verify(other, stored).accepted == same


def test_corrupt_hash_never_raises() -> None:
    chance = random.Random(20240607)
    corpus = [stored for _, stored in FOREIGN.values()] + HOSTILE + UNUSABLE + [TINY.hash(PASSWORD)]
    alphabet = "$,=.{}!*0123456789ABCabcrvxyz/+ \0\n\x80é\ud800"
    before = TINY.operations
    for _ in range(1000):
        stored = chance.choice(corpus)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(stored) + 1)
            stored = stored[:place] + chance.choice(["", *alphabet]) + stored[place + chance.randint(0, 2) :]
        assert isinstance(TINY.verify(PASSWORD, stored), Verification)
    assert TINY.operations == before + 1000


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_arbitrary_text_accepts_no_password(password: str, stored: str) -> None:
    before = TINY.operations
    assert TINY.verify(password, stored) == REFUSED
    assert TINY.operations == before + 1


def test_hash_that_cannot_be_computed_raises_an_error_with_its_cause() -> None:
    # Argon2 needs eight KiB for each lane.
    with pytest.raises(ValueError, match="memory_cost"):
        PasswordHasher(PasswordSettings(memory=8, iterations=1, parallelism=2))
    with pytest.raises(PasswordHashingError) as error:
        TINY.hash("a\ud800")
    assert isinstance(error.value.__cause__, UnicodeEncodeError)
    assert "a\ud800" not in error.value.message


def test_missing_memory_is_an_error_and_not_a_wrong_password() -> None:
    code = """
import resource
from lback_cli.errors import PasswordHashingError
from lback_cli.security.passwords import PasswordHasher
from lback_cli.settings.schema import PasswordSettings
hasher = PasswordHasher(PasswordSettings(memory=2**21, iterations=2, parallelism=1))
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
for operation in (lambda: hasher.hash("x"), lambda: hasher.verify("x", None)):
    try:
        operation()
    except PasswordHashingError as error:
        assert error.__cause__ is not None
    else:
        raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_failed_replacement_does_not_fail_the_login() -> None:
    code = """
import base64, hashlib, resource
from lback_cli.security.passwords import PasswordHasher, Verification
from lback_cli.settings.schema import PasswordSettings
hasher = PasswordHasher(PasswordSettings(memory=2**21, iterations=2, parallelism=1))
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
stored = "{SSHA}" + base64.b64encode(hashlib.sha1(b"x" + b"saltsalt").digest() + b"saltsalt").decode()
assert hasher.verify("x", stored) == Verification(accepted=True, replacement=None)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_neither_import_nor_use_warns() -> None:
    code = f"""
from lback_cli.security.passwords import PasswordHasher
from lback_cli.settings.schema import PasswordSettings
hasher = PasswordHasher(PasswordSettings(memory=19456, iterations=2, parallelism=1))
for stored in {[stored for _, stored in FOREIGN.values()]!r}:
    assert hasher.verify({PASSWORD!r}, stored).accepted, stored
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
