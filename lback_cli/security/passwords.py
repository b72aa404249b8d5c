"""Hash passwords with Argon2id; verify those hashes, and those of other applications, at one uniform cost.

Beside an application built on the lback framework, which verifies only bcrypt, passwords are hashed with bcrypt.
"""

import base64
import contextlib
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from passlib.hash import argon2
from passlib.registry import get_crypt_handler

from lback_cli.errors import PasswordHashingError
from lback_cli.security.cost_limits import MAXIMUM_LENGTH, exceeded_limit, exceeded_memory
from lback_cli.security.hash_formats import SHORT_PBKDF2, format_problem, is_known_form, native_hash
from lback_cli.security.policy import BCRYPT_LIMIT, normalize_password
from lback_cli.security.stored_hashes import UNUSABLE_BCRYPT, UNUSABLE_PASSWORD, UNVERIFIABLE, StoredHash
from lback_cli.settings.schema import PasswordSettings

_BASE64 = "[A-Za-z0-9+/]{21}[AQgw]"  # 16 bytes, without padding
_ARGON2_TAG = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]"  # 32 bytes
_BASE64_ENDS = {0: "", 2: "[A-Za-z0-9+/][AQgw]", 3: "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]"}
"""What follows the groups of four letters of canonical base64 without padding, by the number of these letters."""

_CANONICAL_BASE64 = f"(?:[A-Za-z0-9+/]{{4}})*+(?:{'|'.join(filter(None, _BASE64_ENDS.values()))})?"
# The part that says how a hash by Argon2 is computed, its salt and its tag.
_ARGON2_FORM = re.compile(
    r"((?:argon2|\{ARGON2(?:ID?)?\})?\$argon2(?:id|i|d)\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$)"
    rf"({_CANONICAL_BASE64})\$({_CANONICAL_BASE64})"
)
_BCRYPT_BYTES = "[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]"  # 16 bytes of salt, 23 of digest
_BCRYPT_FORM = re.compile(rf"\$2[aby]\$(?:0[4-9]|1[0-4])\${_BCRYPT_BYTES}")  # of any cost within the limits

# What the framework itself writes: $2b$12$.
_FRAMEWORK_BCRYPT = {"ident": "2b", "rounds": 12}
_FRAMEWORK_FORM = re.compile(rf"\$2b\$12\${_BCRYPT_BYTES}")

_MINIMUM_ARGON2_TAG = 16
"""Bytes. A shorter tag could match by chance; RFC 9106 section 4 recommends 128 bits or more."""

_LONGEST_FOREIGN = 1024
"""Characters of a hash that may have a shorter format."""

_REMEMBERED_COSTS = 256
"""Costs of foreign hashes whose verdict is kept. A system has few, but hostile input may have any number."""

_DES_LIMIT = 8
"""Characters of seven bits; crypt(3) ignores the rest."""

_DUMMY_PASSWORD = "no password"  # noqa: S105 - hashed in place of input that cannot be a password

_PUBLISHED = {
    "argon2": ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    "bcrypt": ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
}
"""A password and its published hash by scheme: from test.c of Argon2's reference implementation, and from Openwall's
crypt_blowfish."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the password is right, and the hash to store in place of an outdated one."""

    accepted: bool
    replacement: str | None = None


class PasswordHasher:
    """Argon2id (RFC 9106) at the configured cost, and the verification of older hashes.

    With *framework* the current scheme is bcrypt as the lback framework uses it, and no hash is replaced at login.
    *operations* counts the hashes of the current scheme and cost: `hash` and `verify` compute exactly one each,
    whatever the input, so that their time does not reveal whether a user exists (ASVS 6.3.8).
    """

    def __init__(self, settings: PasswordSettings, *, framework: bool = False) -> None:
        self._settings = settings
        self.operations = 0
        self._background: _BackgroundHash | None = None
        self._framework = framework
        self._scheme = "bcrypt" if framework else "argon2"
        self._upgrades = settings.upgrade_at_login and not framework
        self._inspect_argon2 = lru_cache(_REMEMBERED_COSTS)(self._parse_argon2)
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
        self._usual_starts = ("$2", cost)
        self._current_form = re.compile(rf"{re.escape(cost)}{_BASE64}\${_ARGON2_TAG}")
        # Constants: to compute a real one would cost a second hash in the very process whose time is measured.
        self._dummy = f"{cost}{_phc_base64(bytes(range(16)))}${_phc_base64(bytes(range(32)))}"

    @property
    def unusable(self) -> str:
        """The hash to store for a user without a password."""
        return UNUSABLE_BCRYPT if self._framework else UNUSABLE_PASSWORD

    def hash_in_background(self, password: str) -> None:
        """Start to hash *password* in a thread, for a call of `hash` with the same password that will follow.

        A command loads its modules meanwhile, which takes as long. If the password is refused, the hash is discarded.
        Only the last one started is kept.
        """
        normalized = normalize_password(password)
        if normalized is not None:
            # A system that allows no more threads leaves the work to `hash`.
            with contextlib.suppress(RuntimeError):
                self._background = _BackgroundHash(normalized, self._compute)

    def hash(self, password: str) -> str:
        """Return the hash to store for *password*, which has the form that `PasswordPolicy.check` returned.

        Raises:
            PasswordHashingError: The hash cannot be computed, for example because memory is short.
        """
        background, self._background = self._background, None
        self.operations += 1
        try:
            if background is not None and background.password == password:
                return background.result()
            return self._compute(password)
        except Exception as error:
            raise _hashing_failed(error) from error

    def verify(self, password: str, stored: str | None) -> Verification:
        """Check *password* against *stored*, which is any text, or None for a user who does not exist.

        No password is accepted for text that is not a usable hash. A hash of another scheme or cost is verified too.
        With ``upgrade_at_login``, it is replaced if the password is right.

        Raises:
            PasswordHashingError: The hash of the current cost cannot be computed.
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
            except PasswordHashingError:  # the old hash is still there, so the login need not fail
                return Verification(accepted=True)
        self._verify_current(normalized, self._dummy)
        return Verification(accepted=accepted)

    def inspect(self, stored: str) -> StoredHash | None:
        """Return what *stored* is, or None if `verify` would accept no password for it. Nothing is hashed."""
        if stored == UNUSABLE_BCRYPT:
            return None
        # The commonest forms are recognised by a pattern; to parse them takes ten times as long.
        if self._current_form.fullmatch(stored):
            return StoredHash(self._scheme, stored, current=True)
        if _BCRYPT_FORM.fullmatch(stored):
            return StoredHash("bcrypt", stored)
        if len(stored) <= MAXIMUM_LENGTH and (match := _ARGON2_FORM.fullmatch(stored)):
            cost, salt, tag = match.groups()
            known = self._inspect_argon2(cost, len(salt), len(tag))
            return known and known._replace(text=f"{known.text}{salt}${tag}")
        return self._parse(self.storable(stored))

    def are_plain(self, hashes: Sequence[str]) -> bool:
        """Return whether all *hashes* may be stored as they are, which `rejection_reason` says of one.

        It takes a fraction of the time. If it returns false, they may still be good: it expects hashes by bcrypt, by
        Argon2 at the configured cost, and by Argon2 at one other cost.
        """
        forms = [_BCRYPT_FORM.pattern]
        if not self._framework:
            forms.append(self._current_form.pattern)
            other = next((stored for stored in hashes if not stored.startswith(self._usual_starts)), None)
            if other is not None:
                match = _ARGON2_FORM.fullmatch(other)
                if match is None or self.inspect(other) is None:
                    return False
                cost, salt, tag = match.groups()
                forms.append(rf"{re.escape(cost)}{_base64_form(len(salt))}\${_base64_form(len(tag))}")
        form = f"(?:{'|'.join(forms)})"
        text = "\n".join(hashes)
        if text.count("\n") >= len(hashes) or UNUSABLE_BCRYPT in hashes:
            return False
        return re.fullmatch(rf"(?:{form}\n)*+{form}", text) is not None

    @staticmethod
    def storable(stored: str) -> str:
        """Return *stored* in another format of the same hash if its own is too long for its column, and it has one."""
        if not MAXIMUM_LENGTH < len(stored) <= _LONGEST_FOREIGN or not (stored.isascii() and stored.isprintable()):
            return stored
        native = native_hash(stored)
        return stored if native is None or len(native.text) > MAXIMUM_LENGTH else native.text

    def rejection_reason(self, stored: str) -> str | None:
        """Return why *stored* must not be stored, as the predicate of a sentence about it, or None if it may be."""
        known = self.inspect(stored)
        if known is not None:
            # The framework itself verifies plain bcrypt only, without another application's wrapper.
            foreign = self._framework and (known.scheme != "bcrypt" or known.text != stored)
            return f"uses {known.scheme} in a form that the application cannot verify" if foreign else None
        if stored.startswith("$y$"):
            return _yescrypt_problem(stored)
        if name := next((name for start, name in UNVERIFIABLE.items() if stored.startswith(start)), None):
            return f"is {name}, which lback cannot verify"
        if len(stored) > MAXIMUM_LENGTH:
            return f"has {len(stored)} characters; the limit is {MAXIMUM_LENGTH}"
        if problem := self._exceeded_limit(stored) or format_problem(stored):
            return problem
        return "is damaged" if is_known_form(stored) else "has an unknown format"

    def computes_published_hash(self) -> bool:
        """Return whether the library verifies a published hash of the current scheme, and rejects a wrong password."""
        password, published = _PUBLISHED[self._scheme]
        return bool(self._current.verify(password, published) and not self._current.verify(password[:-1], published))

    def _compute(self, password: str) -> str:
        hashed: str = self._current.hash(password)
        return hashed

    def _verify_current(self, password: str, text: str) -> bool:
        self.operations += 1
        possible = self._scheme != "bcrypt" or _fits_bcrypt(password)
        try:
            accepted: bool = self._current.verify(password if possible else _DUMMY_PASSWORD, text)
        except Exception as error:
            raise _hashing_failed(error) from error
        return accepted and possible

    def _verify_foreign(self, password: str, known: StoredHash) -> bool:
        possible = _is_used_whole(password, known.scheme)
        try:
            # A refusal without a hash would take less time, and so reveal the scheme.
            accepted: bool = self._handler(known.scheme).verify(password if possible else _DUMMY_PASSWORD, known.text)
        except Exception:  # noqa: BLE001 - twenty handlers raise as many errors on text that is nearly a hash
            return False
        return accepted and possible

    def _parse_argon2(self, cost: str, salt: int, tag: int) -> StoredHash | None:
        """Return what a hash is that begins with *cost*, but with only the cost as its text; None as for `inspect`.

        What `inspect` says does not depend on the bits of a salt and a tag of so many letters.
        """
        bits = f"{'A' * salt}${'A' * tag}"
        known = self._parse(cost + bits)
        return known and known._replace(text=known.text.removesuffix(bits))

    def _parse(self, stored: str) -> StoredHash | None:
        if len(stored) > MAXIMUM_LENGTH or not (stored.isascii() and stored.isprintable()):
            return None
        native = native_hash(stored)
        if native is None:
            return None
        try:
            parsed = self._handler(native.scheme).from_string(native.text)
            if not _is_complete(native.scheme, parsed) or exceeded_limit(native.scheme, parsed, self._settings):
                return None
            # libpass's parser accepts spellings that argon2-cffi refuses to verify.
            current = (
                native.scheme == self._scheme
                and parsed.to_string() == native.text
                and not self._current.needs_update(native.text)
            )
        except Exception:  # noqa: BLE001 - as in `_verify_foreign`
            return None
        return StoredHash(native.scheme, native.text, current=current)

    def _exceeded_limit(self, stored: str) -> str | None:
        native = native_hash(stored)
        if native is None:
            return None
        try:
            return exceeded_limit(native.scheme, self._handler(native.scheme).from_string(native.text), self._settings)
        except Exception:  # noqa: BLE001 - as in `_verify_foreign`
            return None

    def _handler(self, scheme: str) -> Any:
        if scheme == "yescrypt":
            from lback_cli.security import yescrypt

            return yescrypt
        if scheme == SHORT_PBKDF2:
            from lback_cli.security import short_pbkdf2

            return short_pbkdf2
        return self._current if scheme == self._scheme else get_crypt_handler(scheme)


class _BackgroundHash:
    """The hash of *password*, computed in a thread; Argon2 releases the interpreter's lock."""

    def __init__(self, password: str, compute: Callable[[str], str]) -> None:
        self.password = password
        self._compute = compute
        self._hashed: str | None = None
        self._error: Exception | None = None
        # A daemon, so that a command whose password was refused does not wait for it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._hashed = self._compute(self.password)
        except Exception as error:  # noqa: BLE001 - raised by `result`
            self._error = error

    def result(self) -> str:
        """Wait for the hash and return it. Raises what hashing raised."""
        self._thread.join()
        if self._hashed is None:
            raise self._error or RuntimeError("the thread ended without a hash")
        return self._hashed


def _is_complete(scheme: str, parsed: Any) -> bool:
    """Return whether *parsed* has everything that verification needs."""
    if scheme == "argon2":
        return bool(
            parsed.memory_cost >= 8 * parsed.parallelism
            and len(parsed.checksum or b"") >= _MINIMUM_ARGON2_TAG
            and parsed.data is None
        )
    return bool(parsed.checksum)


def _yescrypt_problem(stored: str) -> str:
    from lback_cli.security import yescrypt

    memory = yescrypt.memory(stored)
    if memory is not None and (excess := exceeded_memory(memory)):
        return excess
    if not yescrypt.is_available():
        return "is yescrypt, which this system cannot verify without libxcrypt"
    return "is yescrypt with unsupported parameters" if memory is None else "is damaged"


def _is_used_whole(password: str, scheme: str) -> bool:
    """Return whether *scheme* uses all of *password*.

    One that ignores a part would accept every password with the same beginning.
    """
    if scheme == "bcrypt":
        return _fits_bcrypt(password)
    if scheme == "des_crypt":
        return len(password) <= _DES_LIMIT and password.isascii()
    return scheme != "yescrypt" or "\0" not in password


def _fits_bcrypt(password: str) -> bool:
    """Return whether bcrypt uses all of *password*: depending on its version it ignores the excess, or raises."""
    return len(password.encode()) <= BCRYPT_LIMIT and "\0" not in password


def _base64_form(length: int) -> str:
    """Return the pattern of *length* letters of canonical base64."""
    return f"[A-Za-z0-9+/]{{{length // 4 * 4}}}{_BASE64_ENDS[length % 4]}"


def _phc_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _hashing_failed(cause: Exception) -> PasswordHashingError:
    if "thread" in str(cause).lower():
        return PasswordHashingError(
            "The password could not be hashed, because the system allows lback no more threads.",
            hint="Raise the limit of processes (ulimit -u, or pids of the container), or set [password] parallelism.",
        )
    return PasswordHashingError(
        "The password could not be hashed.",
        hint="The machine must have the memory that [password] memory names, for each hash at the same time.",
    )
