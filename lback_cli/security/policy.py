"""The rules for new passwords, after ASVS 5.0 section 6.2 and NIST SP 800-63B-4.

A password must be long enough, and must not be a common one or built from words of its context. There are no rules
about its composition.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from lback_cli.errors import ConfigurationError, ValidationError
from lback_cli.security.password_strength import base_words, independent_characters, is_common, normalize
from lback_cli.settings.schema import PasswordSettings
from lback_cli.text.escaping import safe

MAXIMUM_LENGTH = 1024
BCRYPT_LIMIT = 72
"""Bytes of a password that bcrypt uses."""

# Checked before normalization, whose cost grows with the input (CVE-2023-46695).
_MAXIMUM_RAW_LENGTH = 4096

_SHORTEST_WORD = 4
# The minimum length of any password in SP 800-63B-4, applied to the characters that follow no pattern.
_MINIMUM_INDEPENDENT = 8
_MINIMUM_DISTINCT = 4
_NOT_IN_WORDS = re.compile(r"[\W_]+")
_HINT = "Use several unrelated words, or a generated password."


def normalize_password(password: str) -> str | None:
    """Return *password* in NFC (RFC 8265 section 4.2), the form that is hashed, or None if it cannot be a password.

    A password is not too long, and has no lone surrogate, which UTF-8 cannot encode.
    """
    if len(password) > _MAXIMUM_RAW_LENGTH or _has_surrogate(password):
        return None
    normalized = unicodedata.normalize("NFC", password)
    return normalized if len(normalized) <= MAXIMUM_LENGTH else None


class PasswordPolicy:
    """The rules for new passwords.

    *application_words* are words that an attacker would try, such as the application's name. With *framework* a
    password must also be short enough for bcrypt.
    """

    def __init__(
        self, settings: PasswordSettings, *, application_words: Sequence[str] = ("lback",), framework: bool = False
    ) -> None:
        self._settings = settings
        self._framework = framework
        self._application_words = tuple(application_words)
        self._own_blocklist: frozenset[str] | None = None

    @property
    def rules(self) -> str:
        """The rules in a line, for a person who is to choose a password."""
        longest = f", at most {BCRYPT_LIMIT} bytes" if self._framework else ""
        shortest = f"At least {self._settings.minimum_length} characters{longest}"
        return f"{shortest}; no common password, no pattern, no name or address."

    def check(self, password: str, *, username: str = "", email: str = "") -> str:
        """Check a new password of a user and return it in NFC, the form to be hashed.

        Raises:
            ValidationError: The password breaks a rule. The message names the rule and never contains the password;
                ``field`` is ``password``.
            ConfigurationError: The blocklist file cannot be read.
        """
        normalized = self._checked_characters(password)
        text = normalize(normalized)
        found = base_words(text)
        words = self._context_words(username, email)
        if found & words or _is_mostly(text, words):
            raise _rejected("The password is based on the user's name or address, or on the application's name.")
        if is_common(found):
            raise _rejected("The password is a common password, or a variation of one.")
        if found & self._blocklist():
            raise _rejected("The password is in [password] blocklist_file, or a variation of an entry.")
        if independent_characters(text) < _MINIMUM_INDEPENDENT or len(set(text)) < _MINIMUM_DISTINCT:
            raise _rejected("The password is a simple sequence or repetition.")
        return normalized

    def _checked_characters(self, password: str) -> str:
        if len(password) > _MAXIMUM_RAW_LENGTH:
            raise _too_long()
        if _has_surrogate(password):
            raise ValidationError("password", "The password is not valid Unicode text.", hint="Send it as UTF-8.")
        if any(unicodedata.category(character) == "Cc" for character in password):
            raise ValidationError(
                "password",
                "The password contains a control character, such as a tab or a line break.",
                hint="Remove it. Spaces are allowed.",
            )
        if (unseen := next(filter(_looks_like_nothing, password), None)) is not None:
            raise ValidationError(
                "password",
                f"The password contains U+{ord(unseen):04X}, which is invisible or looks like a space.",
                hint="Remove it, or type a space. It often comes with copied text, and cannot be typed at a login.",
            )
        normalized = unicodedata.normalize("NFC", password)
        if len(normalized) > MAXIMUM_LENGTH:
            raise _too_long()
        if len(normalized) < self._settings.minimum_length:
            raise ValidationError(
                "password",
                f"The password has {len(normalized)} characters; the minimum is {self._settings.minimum_length}.",
                hint=_HINT,
            )
        if self._framework and (size := len(normalized.encode())) > BCRYPT_LIMIT:
            raise ValidationError(
                "password",
                f"The password has {size} bytes in UTF-8; the maximum with [compat] lback_framework is {BCRYPT_LIMIT}.",
                hint="Use a shorter password: the application uses bcrypt, which ignores the rest.",
            )
        return normalized

    def _context_words(self, username: str, email: str) -> set[str]:
        local_part, _, domain = normalize(email).rpartition("@")
        names = [normalize(username), local_part, domain, *map(normalize, self._application_words)]
        words = {part for name in names for part in (name, *_NOT_IN_WORDS.split(name))}
        return {word for word in words if len(word) >= _SHORTEST_WORD}

    def _blocklist(self) -> frozenset[str]:
        if self._own_blocklist is None:
            self._own_blocklist = self._read_blocklist()
        return self._own_blocklist

    def _read_blocklist(self) -> frozenset[str]:
        path = self._settings.blocklist_file
        if path is None:
            return frozenset()
        try:
            with path.open(encoding="utf-8-sig") as lines:
                return frozenset(entry for line in lines if (entry := normalize(line.rstrip("\r\n"))))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigurationError(
                f"The blocklist file {safe(path)} cannot be read: {reason}.",
                hint="Repair the file or change [password] blocklist_file.",
            ) from error


def _is_mostly(text: str, words: Iterable[str]) -> bool:
    """Return whether *text* contains some of *words* and few other independent characters."""
    rest = text
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != text and independent_characters(rest) < _MINIMUM_INDEPENDENT


def _looks_like_nothing(character: str) -> bool:
    """Return whether *character* is a space other than the usual one, or an invisible format character.

    RFC 8265 section 4.2 maps the first to a space, and disallows the others. Joiners are parts of words and emoji.
    """
    if character.isascii() or character in "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}":
        return False
    return unicodedata.category(character) in {"Zs", "Zl", "Zp", "Cf"}


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _too_long() -> ValidationError:
    return ValidationError(
        "password", f"The password has more than {MAXIMUM_LENGTH} characters.", hint="Use a shorter password."
    )


def _rejected(message: str) -> ValidationError:
    return ValidationError("password", message, hint=_HINT)
