import math
import re

import pytest

from lback_cli.security.password_generator import generate_password
from lback_cli.security.policy import PasswordPolicy
from lback_cli.settings.schema import PasswordSettings


def test_asvs_6_4_1_generated_password_has_at_least_128_random_bits() -> None:
    passwords = [generate_password() for _ in range(2000)]
    assert len(set(passwords)) == 2000
    assert all(re.fullmatch(r"[a-km-np-z2-9]{4}(-[a-km-np-z2-9]{4}){6}", password) for password in passwords)
    free = [password.replace("-", "") for password in passwords]
    # Every character of the alphabet occurs at every position.
    alphabets = [len({password[place] for password in free}) for place in range(28)]
    assert sum(map(math.log2, alphabets)) >= 128


@pytest.mark.parametrize("minimum_length", [8, 15, 34, 35, 64, 1024])
def test_generated_password_passes_the_policy(minimum_length: int) -> None:
    policy = PasswordPolicy(PasswordSettings(minimum_length=minimum_length))
    for _ in range(100):
        password = generate_password(minimum_length=minimum_length)
        assert policy.check(password, username="alice", email="alice@example.org") == password
