"""Receivers that hold a command in the middle of its operation until all who contend are there.

Each tells the port MEETING_PORT of this machine that it came, and goes on when it is answered. One that is not answered
crashes, which stderr tells.
"""

import os
import socket
from typing import Any

from lback_cli.security.passwords import PasswordHasher
from lback_cli.signals import password_reset_started, receiver, user_pre_register

PATIENCE = 120


def meet() -> None:
    with socket.create_connection(("127.0.0.1", int(os.environ["MEETING_PORT"])), PATIENCE) as place:
        if not place.recv(1):
            raise TimeoutError("Not all came.")


@receiver(user_pre_register)
def when_the_name_is_free(_sender: Any, **_: Any) -> None:
    """Everybody has looked, and found nobody of that name."""
    meet()


@receiver(password_reset_started)
def when_the_token_is_alive(_sender: Any, **_: Any) -> None:
    """No signal is sent between the look at the token and its use, but the new password is hashed there."""
    computed = PasswordHasher.hash

    def hash_and_meet(hasher: PasswordHasher, password: str) -> str:
        hashed = computed(hasher, password)
        meet()
        return hashed

    meet()
    PasswordHasher.hash = hash_and_meet  # type: ignore[assignment, method-assign]
