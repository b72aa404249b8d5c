"""Receivers that hold a command in its operation until all competing commands have arrived.

Each connects to the port MEETING_PORT of this machine and continues when it gets an answer. Without an answer it
raises an error.
"""

import os
import socket
from typing import Any

from lback_cli.security.passwords import PasswordHasher
from lback_cli.signals import password_reset_started, receiver, user_pre_register

TIMEOUT = 120


def meet() -> None:
    with socket.create_connection(("127.0.0.1", int(os.environ["MEETING_PORT"])), TIMEOUT) as place:
        if not place.recv(1):
            raise TimeoutError("Not all commands arrived.")


@receiver(user_pre_register)
def wait_before_the_insert(_sender: Any, **_: Any) -> None:
    """Wait until every command has found that the name is free."""
    meet()


@receiver(password_reset_started)
def wait_before_the_token_is_used(_sender: Any, **_: Any) -> None:
    """Wait until every command has checked the token: no signal is sent then, but the password is hashed."""
    computed = PasswordHasher.hash

    def hash_and_meet(hasher: PasswordHasher, password: str) -> str:
        hashed = computed(hasher, password)
        meet()
        return hashed

    meet()
    PasswordHasher.hash = hash_and_meet  # type: ignore[assignment, method-assign]
