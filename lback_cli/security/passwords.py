"""Hash passwords with Argon2id; verify those, and the hashes that other applications left, at one uniform cost.

Beside an application of the lback framework, which knows nothing else, the hashes are bcrypt's.
"""

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from passlib.context import CryptContext
from passlib.hash import argon2, bcrypt

from lback_cli.errors import PasswordHashingError
from lback_cli.security.policy import BCRYPT_LIMIT, normalize_password
from lback_cli.settings.schema import PasswordSettings

# Salted schemes that look at the whole password; des_crypt (8 characters) and unsalted digests are not among them.
_FOREIGN_SCHEMES = (
    "bcrypt",
    "bcrypt_sha256",
    "scrypt",
    "pbkdf2_sha256",
    "pbkdf2_sha512",
    "pbkdf2_sha1",
    "sha512_crypt",
    "sha256_crypt",
    "md5_crypt",
    "phpass",
    "django_pbkdf2_sha256",
    "django_pbkdf2_sha1",
    "django_bcrypt_sha256",
    "django_salted_sha1",
    "django_salted_md5",
    "ldap_salted_sha512",
    "ldap_salted_sha256",
    "ldap_salted_sha1",
    "ldap_salted_md5",
)
# Where Django and LDAP servers wrap a scheme in a prefix of their own, and what the scheme itself calls for there.
_PREFIXES = (
    ("argon2$argon2", "$argon2"),
    ("bcrypt$$2", "$2"),
    ("{ARGON2}$", "$"),
    ("{CRYPT}$", "$"),
    ("{PBKDF2-SHA256}", "$pbkdf2-sha256$"),
    ("{PBKDF2-SHA512}", "$pbkdf2-sha512$"),
    ("{PBKDF2}", "$pbkdf2$"),
)

# A stored hash is foreign input: one that asks for more than this is not worked on, for it may be an attack.
_MAXIMUM_STORED_LENGTH = 1024
_MAXIMUM_MEMORY = 256 * 1024  # KiB
_MAXIMUM_ARGON2_ROUNDS = 10
_MAXIMUM_ARGON2_LANES = 8
_MAXIMUM_SCRYPT_ROUNDS = 17  # N = 2**17
_MAXIMUM_SCRYPT_WORK = 2**21  # N * r * p; 128 bytes times this also bounds its memory
_MAXIMUM_ROUNDS = {
    "bcrypt": 14,
    "bcrypt_sha256": 14,
    "django_bcrypt_sha256": 14,
    "pbkdf2_sha256": 2_000_000,
    "pbkdf2_sha512": 2_000_000,
    "pbkdf2_sha1": 2_000_000,
    "django_pbkdf2_sha256": 2_000_000,
    "django_pbkdf2_sha1": 2_000_000,
    "sha512_crypt": 1_000_000,
    "sha256_crypt": 1_000_000,
    "phpass": 20,
}
# A shorter Argon2 tag could be met by chance; RFC 9106 section 4 recommends 128 bits or more.
_MINIMUM_ARGON2_TAG = 16

# What the framework itself writes: $2b$12$.
_FRAMEWORK_BCRYPT = {"ident": "2b", "rounds": 12}
_FRAMEWORK_DUMMY = "$2b$12$" + 53 * "."  # zeros for salt and digest
_DUMMY_PASSWORD = "no password"  # noqa: S105 - stands in for input that can be no password


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a password was accepted, and the hash to store from now on where the stored one is older."""

    accepted: bool
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class _StoredHash:
    """A stored hash that may be worked on: its native *text*, its *scheme*, and whether it is of the current cost."""

    text: str
    scheme: str
    current: bool


class PasswordHasher:
    """Argon2id (RFC 9106) at the configured cost, and the verification of older hashes.

    With *framework* the current scheme is bcrypt as the lback framework has it, and no hash is replaced at login.
    *operations* counts the hash operations of the current scheme and cost so far: `hash` and `verify` add exactly one
    each, whatever the input, so that time does not tell whether a user exists (ASVS 6.3.8).
    """

    def __init__(self, settings: PasswordSettings, *, framework: bool = False) -> None:
        self._settings = settings
        self.operations = 0
        self._begun: _BegunHash | None = None
        self._scheme = "bcrypt" if framework else "argon2"
        self._upgrades = settings.upgrade_at_login and not framework
        self._current: Any
        if framework:
            self._current = bcrypt.using(**_FRAMEWORK_BCRYPT)
            self._dummy = _FRAMEWORK_DUMMY
            return
        self._current = argon2.using(
            type="ID",
            memory_cost=settings.memory,
            rounds=settings.iterations,
            parallelism=settings.parallelism,
        )
        # Made of constants: computing it would cost a second hash in the very process that is being timed.
        self._dummy = (
            f"$argon2id$v=19$m={settings.memory},t={settings.iterations},p={settings.parallelism}"
            f"${_phc_base64(bytes(range(16)))}${_phc_base64(bytes(range(32)))}"
        )

    @cached_property
    def _context(self) -> Any:
        """All schemes; a command that only hashes has no need to load them."""
        others = [scheme for scheme in ("argon2", *_FOREIGN_SCHEMES) if scheme != self._scheme]
        return CryptContext(schemes=[self._current, *others], deprecated="auto")

    def begin(self, password: str) -> None:
        """Start to hash *password* on another core, for the `hash` of the same password that is about to follow.

        A command can thus load its modules meanwhile, which takes as long. Should the password be refused, the hash is
        thrown away. At most one is begun at a time.
        """
        normalized = normalize_password(password)
        if normalized is not None:
            self._begun = _BegunHash(normalized, self._computed)

    def hash(self, password: str) -> str:
        """Return the hash to store for *password*, which is in the form that `PasswordPolicy.check` returned.

        Raises:
            PasswordHashingError: it could not be computed, for instance for want of memory.
        """
        begun, self._begun = self._begun, None
        self.operations += 1
        try:
            return begun.result() if begun is not None and begun.password == password else self._computed(password)
        except Exception as error:
            raise _hashing_failed() from error

    def _computed(self, password: str) -> str:
        hashed: str = self._current.hash(password)
        return hashed

    def verify(self, password: str, stored: str | None) -> Verification:
        """Tell whether *stored* is a hash of *password*.

        *stored* may be None (there is no such user) and any text: what is no usable hash accepts no password. A hash of
        another scheme or cost is verified too, and with ``upgrade_at_login`` replaced once accepted.

        Raises:
            PasswordHashingError: the operation of the current cost failed, for instance for want of memory.
        """
        normalized = normalize_password(password)
        known = None if stored is None else self._parse(stored)
        if normalized is None or known is None:
            self._verify_current(_DUMMY_PASSWORD if normalized is None else normalized, self._dummy)
            return Verification(accepted=False)
        if known.current:
            return Verification(accepted=self._verify_current(normalized, known.text))
        accepted = self._verify_foreign(normalized, known)
        if accepted and self._upgrades:
            try:
                return Verification(accepted=True, replacement=self.hash(normalized))
            except PasswordHashingError:  # the old hash still serves, so the login need not fail
                return Verification(accepted=True)
        self._verify_current(normalized, self._dummy)
        return Verification(accepted=accepted)

    def identify(self, stored: str) -> str | None:
        """Return the scheme of *stored* (``argon2``, ``bcrypt``, ...), or None when `verify` would accept nothing."""
        known = self._parse(stored)
        return None if known is None else known.scheme

    def _verify_current(self, password: str, text: str) -> bool:
        self.operations += 1
        possible = self._scheme != "bcrypt" or _fits_bcrypt(password)
        try:
            accepted: bool = self._current.verify(password if possible else _DUMMY_PASSWORD, text)
        except Exception as error:
            raise _hashing_failed() from error
        return accepted and possible

    def _verify_foreign(self, password: str, known: _StoredHash) -> bool:
        if known.scheme == "bcrypt" and not _fits_bcrypt(password):
            return False
        try:
            accepted: bool = self._context.handler(known.scheme).verify(password, known.text)
        except Exception:  # noqa: BLE001 - twenty handlers fail in as many ways on text that is nearly a hash
            return False
        return accepted

    def _parse(self, stored: str) -> _StoredHash | None:
        if len(stored) > _MAXIMUM_STORED_LENGTH or not (stored.isascii() and stored.isprintable()):
            return None
        text = stored
        for prefix, native in _PREFIXES:
            if stored.startswith(prefix):
                text = native + stored.removeprefix(prefix)
                break
        try:
            scheme: str | None = self._context.identify(text)
            if scheme is None:
                return None
            parsed = self._context.handler(scheme).from_string(text)
            if not parsed.checksum or not self._within_bounds(scheme, parsed):
                return None
            # The parser is more lenient than the library that hashes: what is not written its way fails there.
            current = scheme == self._scheme and parsed.to_string() == text and not self._context.needs_update(text)
        except Exception:  # noqa: BLE001 - as above
            return None
        return _StoredHash(text=text, scheme=scheme, current=current)

    def _within_bounds(self, scheme: str, parsed: Any) -> bool:
        if scheme == "argon2":
            return bool(
                parsed.memory_cost <= max(_MAXIMUM_MEMORY, self._settings.memory)
                and parsed.rounds <= max(_MAXIMUM_ARGON2_ROUNDS, self._settings.iterations)
                and parsed.parallelism <= max(_MAXIMUM_ARGON2_LANES, self._settings.parallelism)
                and parsed.memory_cost >= 8 * parsed.parallelism
                and len(parsed.checksum) >= _MINIMUM_ARGON2_TAG
                and parsed.data is None
            )
        if scheme == "scrypt":
            return bool(
                parsed.rounds <= _MAXIMUM_SCRYPT_ROUNDS
                and (parsed.block_size * parsed.parallelism) << parsed.rounds <= _MAXIMUM_SCRYPT_WORK
            )
        maximum = _MAXIMUM_ROUNDS.get(scheme)
        return maximum is None or bool(parsed.rounds <= maximum)


class _BegunHash:
    """The hash of *password*, which a thread is computing; Argon2 lets go of the interpreter meanwhile."""

    def __init__(self, password: str, compute: Callable[[str], str]) -> None:
        self.password = password
        self._compute = compute
        self._hashed: str | None = None
        self._error: Exception | None = None
        # A daemon, as a command that was refused need not wait for it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._hashed = self._compute(self.password)
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error

    def result(self) -> str:
        """The hash, as soon as it is there. Raises what hashing raised."""
        self._thread.join()
        if self._hashed is None:
            raise self._error or RuntimeError("the thread ended without a hash")
        return self._hashed


def _fits_bcrypt(password: str) -> bool:
    """Whether bcrypt would look at the whole of *password*: what is longer it ignores, or raises, by its version."""
    return len(password.encode()) <= BCRYPT_LIMIT and "\0" not in password


def _phc_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _hashing_failed() -> PasswordHashingError:
    return PasswordHashingError(
        "The password could not be hashed.",
        hint="'lback doctor' tells more; the machine needs the memory that [password] memory asks for.",
    )
