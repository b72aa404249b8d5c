"""The rows in the database before a scenario begins."""

from dataclasses import dataclass
from typing import Any, Literal

PASSWORD = "correct horse battery staple"
"""The password of all initial users."""

NEW_PASSWORD = "umbrella tangent violin quarry"
WEAK_PASSWORD = "passwordpassword"

LEGACY_HASH = "$2b$04$FV7zkuY2SGABA.CPpgPXkud01/yWwiCRojvWifcBwcF/XJextPkQS"
"""A bcrypt hash of `PASSWORD`, as another application may have stored it."""


@dataclass(frozen=True)
class Person:
    """The values of a user's row."""

    id: int
    username: str
    active: bool = True
    verified: bool = True
    legacy: bool = False
    groups: tuple[str, ...] = ("basic_user",)
    address: str = ""

    @property
    def email(self) -> str:
        return self.address or f"{self.username}@example.org"

    @property
    def shown(self) -> dict[str, Any]:
        """The user as the argument of a signal."""
        return {"id": self.id, "username": self.username, "email": self.email}


ADA = Person(1, "ada", groups=("admin", "basic_user"))
BOB = Person(2, "bob", groups=("basic_user", "staff"))
CAROL = Person(3, "carol", verified=False)
DAVE = Person(4, "dave", active=False)
EVE = Person(5, "eve", legacy=True)
INITIAL_USERS = (ADA, BOB, CAROL, DAVE, EVE)

FRANK = Person(6, "frank", verified=False)
"""The user that scenarios register."""

UNKNOWN_ID = 99

State = Literal["live", "used", "expired"]
LIVE: State = "live"
USED: State = "used"
EXPIRED: State = "expired"


@dataclass(frozen=True)
class StoredToken:
    """A token in the database. Its text has the length of a generated token. A live one expires in one hour."""

    user: Person
    purpose: Literal["verify_email", "reset_password"]
    state: State

    @property
    def name(self) -> str:
        return f"{self.state}-{self.purpose}"

    @property
    def token(self) -> str:
        return self.name.ljust(43, "-")

    @property
    def prefix(self) -> str:
        return self.token[:10]


LIVE_VERIFY = StoredToken(CAROL, "verify_email", LIVE)
USED_VERIFY = StoredToken(CAROL, "verify_email", USED)
EXPIRED_VERIFY = StoredToken(CAROL, "verify_email", EXPIRED)
LIVE_RESET = StoredToken(BOB, "reset_password", LIVE)
USED_RESET = StoredToken(BOB, "reset_password", USED)
EXPIRED_RESET = StoredToken(BOB, "reset_password", EXPIRED)
STORED_TOKENS = (LIVE_VERIFY, USED_VERIFY, EXPIRED_VERIFY, LIVE_RESET, USED_RESET, EXPIRED_RESET)

UNKNOWN_TOKEN = "no-such-token".ljust(43, "-")
