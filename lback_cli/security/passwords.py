"""Hash passwords with Argon2id; verify those, and the hashes that other applications left, at one uniform cost.

Beside an application of the lback framework, which knows nothing else, the hashes are bcrypt's.
"""

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from passlib.hash import argon2
from passlib.registry import get_crypt_handler

from lback_cli.errors import PasswordHashingError
from lback_cli.security.hash_formats import is_known_form, native_hash
from lback_cli.security.policy import BCRYPT_LIMIT, normalize_password
from lback_cli.security.unusable import UNUSABLE_BCRYPT, UNUSABLE_PASSWORD
from lback_cli.security.weak_hashes import UNVERIFIABLE, WEAKNESSES
from lback_cli.settings.schema import PasswordSettings

# A stored hash is foreign input: one that asks for more than this is not worked on, for it may be an attack.
_MAXIMUM_STORED_LENGTH = 255  # what the column of the users table holds
_MAXIMUM_MEMORY = 256 * 1024  # KiB
_MAXIMUM_ARGON2_ROUNDS = 10
_MAXIMUM_ARGON2_LANES = 8
_MAXIMUM_SCRYPT_ROUNDS = 17  # N = 2**17
_MAXIMUM_SCRYPT_WORK = 2**21  # N * r * p; 128 bytes times N * r are its memory
_MAXIMUM_ROUNDS = {
    "bcrypt": 14,
    "bcrypt_sha256": 14,
    "django_bcrypt_sha256": 14,
    "pbkdf2_sha256": 2_000_000,
    "pbkdf2_sha512": 2_000_000,
    "pbkdf2_sha1": 2_000_000,
    "cta_pbkdf2_sha1": 2_000_000,
    "dlitz_pbkdf2_sha1": 1_000_000,  # of two blocks each
    "sha1_crypt": 1_000_000,
    "django_pbkdf2_sha256": 2_000_000,
    "django_pbkdf2_sha1": 2_000_000,
    "sha512_crypt": 1_000_000,
    "sha256_crypt": 1_000_000,
    "phpass": 20,
}
_MOST_LOGARITHMIC = 31  # a bound up to here is on the logarithm of the rounds
# A shorter Argon2 tag could be met by chance; RFC 9106 section 4 recommends 128 bits or more.
_MINIMUM_ARGON2_TAG = 16

_DES_LIMIT = 8  # characters of seven bits; crypt(3) ignores the rest

_BASE64 = "[A-Za-z0-9+/]{21}[AQgw]"  # sixteen bytes, without padding
_ARGON2_TAG = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]"  # thirty-two
# Costs from the least there is to the most allowed; sixteen bytes of salt and twenty-three of digest.
_BCRYPT_BYTES = "[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]"
_BCRYPT_FORM = re.compile(rf"\$2[aby]\$(?:0[4-9]|1[0-4])\${_BCRYPT_BYTES}")

# What the framework itself writes: $2b$12$.
_FRAMEWORK_BCRYPT = {"ident": "2b", "rounds": 12}
_FRAMEWORK_FORM = re.compile(rf"\$2b\$12\${_BCRYPT_BYTES}")
_DUMMY_PASSWORD = "no password"  # noqa: S105 - stands in for input that can be no password


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a password was accepted, and the hash to store from now on where the stored one is older."""

    accepted: bool
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class StoredHash:
    """A stored hash that may be worked on: its *scheme* and its *text* as libpass knows them.

    *current* is whether it is of the configured scheme and cost, so that no login replaces it.
    """

    scheme: str
    text: str
    current: bool = False

    @property
    def weakness(self) -> str | None:
        """Why its scheme protects a leaked password badly, in a few words, or None."""
        return WEAKNESSES.get(self.scheme)


class PasswordHasher:
    """Argon2id (RFC 9106) at the configured cost, and the verification of older hashes.

    With *framework* the current scheme is bcrypt as the lback framework has it, and no hash is replaced at login.
    *operations* counts the hash operations of the current scheme and cost so far: `hash` and `verify` add exactly one
    each, whatever the input, so that time does not tell whether a user exists (ASVS 6.3.8).
    """

    def __init__(self, settings: PasswordSettings, *, framework: bool = False) -> None:
        self._settings = settings
        self.operations = 0
        self._begun: _BackgroundHash | None = None
        self._framework = framework
        self._scheme = "bcrypt" if framework else "argon2"
        self._upgrades = settings.upgrade_at_login and not framework
        self._current: Any
        if framework:
            self._current = get_crypt_handler("bcrypt").using(**_FRAMEWORK_BCRYPT)
            self._current_form = _FRAMEWORK_FORM
            self._dummy = UNUSABLE_BCRYPT
            return
        self._current = argon2.using(
            type="ID",
            memory_cost=settings.memory,
            rounds=settings.iterations,
            parallelism=settings.parallelism,
        )
        cost = f"$argon2id$v=19$m={settings.memory},t={settings.iterations},p={settings.parallelism}$"
        self._current_form = re.compile(rf"{re.escape(cost)}{_BASE64}\${_ARGON2_TAG}")
        # Made of constants: computing it would cost a second hash in the very process that is being timed.
        self._dummy = f"{cost}{_phc_base64(bytes(range(16)))}${_phc_base64(bytes(range(32)))}"

    @property
    def unusable(self) -> str:
        """What to store for a user who has no password yet."""
        return UNUSABLE_BCRYPT if self._framework else UNUSABLE_PASSWORD

    def hash_in_background(self, password: str) -> None:
        """Start to hash *password* on another core, for the `hash` of the same password that is about to follow.

        A command can thus load its modules meanwhile, which takes as long. Should the password be refused, the hash is
        thrown away. At most one is begun at a time.
        """
        normalized = normalize_password(password)
        if normalized is not None:
            self._begun = _BackgroundHash(normalized, self._computed)

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
        known = None if stored is None else self.inspect(stored)
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

    def inspect(self, stored: str) -> StoredHash | None:
        """What *stored* is, or None when `verify` would accept nothing. It costs no hash, and no more than a look."""
        if stored == UNUSABLE_BCRYPT:
            return None
        # What most hashes are is told by its shape alone; the rest of this takes ten times as long.
        if self._current_form.fullmatch(stored):
            return StoredHash(self._scheme, stored, current=True)
        if _BCRYPT_FORM.fullmatch(stored):
            return StoredHash("bcrypt", stored)
        return self._parse(stored)

    def identify(self, stored: str) -> str | None:
        """Return the scheme of *stored* (``argon2``, ``bcrypt``, ...), or None when `verify` would accept nothing."""
        known = self.inspect(stored)
        return None if known is None else known.scheme

    def weakness(self, stored: str) -> str | None:
        """Why *stored* would protect a leaked password badly, in a few words; None where it does not, or is no hash."""
        known = self.inspect(stored)
        return None if known is None else known.weakness

    def rejection_reason(self, stored: str) -> str | None:
        """Why `verify` would accept nothing for *stored*, as the end of a sentence on it; None where it may."""
        known = self.inspect(stored)
        if known is not None:
            # The framework's own way of checking knows bcrypt alone, without the wrappings of others.
            foreign = self._framework and (known.scheme != "bcrypt" or known.text != stored)
            return f"is of {known.scheme}, in a form that the application cannot verify" if foreign else None
        if stored.startswith("$y$") and (problem := _yescrypt_problem(stored)):
            return problem
        if name := next((name for start, name in UNVERIFIABLE.items() if stored.startswith(start)), None):
            return f"is {name}, which cannot be verified here"
        if len(stored) > _MAXIMUM_STORED_LENGTH:
            return f"has {len(stored)} characters, where {_MAXIMUM_STORED_LENGTH} is the most"
        if excess := self._excess_of(stored):
            return excess
        return "is damaged" if is_known_form(stored) else "is of no known kind"

    def _excess_of(self, stored: str) -> str | None:
        native = native_hash(stored)
        if native is None:
            return None
        try:
            return self._excess(native.scheme, self._handler(native.scheme).from_string(native.text))
        except Exception:  # noqa: BLE001 - as in `_parse`
            return None

    def _parse(self, stored: str) -> StoredHash | None:
        if len(stored) > _MAXIMUM_STORED_LENGTH or not (stored.isascii() and stored.isprintable()):
            return None
        native = native_hash(stored)
        if native is None:
            return None
        try:
            parsed = self._handler(native.scheme).from_string(native.text)
            if not _is_sound(native.scheme, parsed) or self._excess(native.scheme, parsed) is not None:
                return None
            # The parser is more lenient than the library that hashes: what is not written its way fails there.
            current = (
                native.scheme == self._scheme
                and parsed.to_string() == native.text
                and not self._current.needs_update(native.text)
            )
        except Exception:  # noqa: BLE001 - twenty handlers fail in as many ways on text that is nearly a hash
            return None
        return StoredHash(native.scheme, native.text, current=current)

    def _verify_current(self, password: str, text: str) -> bool:
        self.operations += 1
        possible = self._scheme != "bcrypt" or _fits_bcrypt(password)
        try:
            accepted: bool = self._current.verify(password if possible else _DUMMY_PASSWORD, text)
        except Exception as error:
            raise _hashing_failed() from error
        return accepted and possible

    def _verify_foreign(self, password: str, known: StoredHash) -> bool:
        # What a scheme would not look at is not accepted: no password stands for others that only begin like it.
        if known.scheme == "bcrypt" and not _fits_bcrypt(password):
            return False
        if known.scheme == "des_crypt" and not (len(password) <= _DES_LIMIT and password.isascii()):
            return False
        try:
            accepted: bool = self._handler(known.scheme).verify(password, known.text)
        except Exception:  # noqa: BLE001 - as above
            return False
        return accepted

    def _handler(self, scheme: str) -> Any:
        if scheme == "yescrypt":
            from lback_cli.security import yescrypt

            return yescrypt
        return self._current if scheme == self._scheme else get_crypt_handler(scheme)

    def _excess(self, scheme: str, parsed: Any) -> str | None:
        """What *parsed* asks for that is more than is safe, as the end of a sentence on it; None where it is safe."""
        # Each with the most of it, what it is called, and how both are written.
        asked: list[tuple[int, int, str, Callable[[int], str]]] = []
        if scheme == "argon2":
            asked = [
                (parsed.memory_cost, max(_MAXIMUM_MEMORY, self._settings.memory), "{} of memory", _size),
                (parsed.rounds, max(_MAXIMUM_ARGON2_ROUNDS, self._settings.iterations), "{} iterations", _count),
                (parsed.parallelism, max(_MAXIMUM_ARGON2_LANES, self._settings.parallelism), "{} lanes", _count),
            ]
        elif scheme == "scrypt":
            work = parsed.block_size << parsed.rounds
            asked = [
                (work // 8, _MAXIMUM_SCRYPT_WORK // 8, "{} of memory", _size),
                (parsed.rounds, _MAXIMUM_SCRYPT_ROUNDS, "N = {}", "2^{}".format),
                (work * parsed.parallelism, _MAXIMUM_SCRYPT_WORK, "N * r * p = {}", _count),
            ]
        elif scheme in _MAXIMUM_ROUNDS:
            most = _MAXIMUM_ROUNDS[scheme]
            asked = [(parsed.rounds, most, "{} rounds" if most > _MOST_LOGARITHMIC else "cost {}", _count)]
        for value, most, words, written in asked:
            if value > most:
                return f"asks for {words.format(written(value))}; the most is {written(most)}"
        return None


class _BackgroundHash:
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


def _is_sound(scheme: str, parsed: Any) -> bool:
    """Whether *parsed* has all that a hash needs to be verified, whatever that costs."""
    if scheme == "argon2":
        return bool(
            parsed.memory_cost >= 8 * parsed.parallelism
            and len(parsed.checksum or b"") >= _MINIMUM_ARGON2_TAG
            and parsed.data is None
        )
    return bool(parsed.checksum)


def _yescrypt_problem(stored: str) -> str | None:
    from lback_cli.security import yescrypt

    memory = yescrypt.memory(stored)
    if memory is not None and memory > _MAXIMUM_MEMORY:
        return f"asks for {_size(memory)} of memory; the most is {_size(_MAXIMUM_MEMORY)}"
    return "is damaged" if memory is not None and yescrypt.is_available() else None


def _count(number: int) -> str:
    return f"{number:,}"


def _size(kib: int) -> str:
    """*kib* in the largest unit that it fills."""
    for unit, name in ((2**20, "GiB"), (2**10, "MiB")):
        if kib >= unit:
            return f"{kib / unit:,.6g} {name}"
    return f"{kib} KiB"


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
