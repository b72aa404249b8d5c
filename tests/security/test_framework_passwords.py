"""Hashing beside an application built on the lback framework, which is always bcrypt."""

import bcrypt
import pytest

from lback_cli.errors import ValidationError
from lback_cli.security.passwords import PasswordHasher, Verification
from lback_cli.security.policy import PasswordPolicy
from lback_cli.settings.schema import PasswordSettings

PASSWORD = "purple giraffes yodel at dusk"


@pytest.fixture
def beside(cheap: PasswordSettings) -> PasswordHasher:
    return PasswordHasher(cheap, framework=True)


def test_hash_is_bcrypt_as_the_framework_writes_it(beside: PasswordHasher) -> None:
    stored = beside.hash(PASSWORD)
    assert stored.startswith("$2b$12$")
    assert len(stored) == 60
    assert bcrypt.checkpw(PASSWORD.encode(), stored.encode())
    assert beside.verify(PASSWORD, stored) == Verification(accepted=True)


def test_verification_costs_one_hash_and_never_replaces(beside: PasswordHasher, cheap: PasswordSettings) -> None:
    own = beside.hash(PASSWORD)
    weak = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    other = PasswordHasher(cheap).hash(PASSWORD)
    long = "violet kettle " * 6
    longer = PasswordHasher(cheap).hash(long)
    for password, stored, accepted in (
        (PASSWORD, own, True),
        (PASSWORD + "x", own, False),
        (PASSWORD, weak, True),
        (PASSWORD, weak.replace("$2b$", "$2a$"), True),
        (PASSWORD, weak.replace("$2b$", "$2y$"), True),
        (PASSWORD, other, True),
        (long, longer, True),
        (long, own, False),
        (PASSWORD, None, False),
        (PASSWORD, "nonsense", False),
        ("", own, False),
        ("a\0b", own, False),
        ("\ud800", own, False),
        ("x" * 5000, own, False),
    ):
        before = beside.operations
        assert beside.verify(password, stored) == Verification(accepted=accepted), (password, stored)
        assert beside.operations - before == 1, (password, stored)


@pytest.mark.parametrize("size", [71, 72, 73, 4096])
def test_password_longer_than_72_bytes_is_refused(beside: PasswordHasher, size: int) -> None:
    stored = bcrypt.hashpw(b"q" * min(size, 72), bcrypt.gensalt(4)).decode()
    assert beside.verify("q" * size, stored).accepted == (size <= 72)


def test_policy_counts_bytes(cheap: PasswordSettings) -> None:
    umlaut = "\N{LATIN SMALL LETTER U WITH DIAERESIS}"
    fits, too_long = (
        f"{umlaut}violet kettle {'amber fox ' * 5}wren q"[:71],
        f"{umlaut}violet kettle {'amber fox ' * 6}"[:72],
    )
    assert (len(fits.encode()), len(too_long.encode())) == (72, 73)
    beside = PasswordPolicy(cheap, framework=True)
    assert beside.check(fits) == fits
    assert PasswordPolicy(cheap).check(too_long) == too_long
    with pytest.raises(ValidationError, match="has 73 bytes in UTF-8") as caught:
        beside.check(too_long)
    assert caught.value.field == "password"
