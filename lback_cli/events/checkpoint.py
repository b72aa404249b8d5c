"""Checkpoints: lines that identify the log up to an event.

A checkpoint that is kept elsewhere reveals that the log was truncated, restored from a backup or rewritten completely.
"""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lback_cli.errors import ConfigurationError, Refused, UsageError, ValidationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_LINE = re.compile(
    r"lback-checkpoint-v(?P<version>[12]) seq=(?P<seq>[0-9]{1,19}) count=(?P<count>[0-9]{1,19})"
    r" hash=(?P<hash>[0-9a-f]{64})"
    r"(?: erased=(?P<erased>[0-9]{1,19}))?"
    r"(?: signature=(?P<signature>[A-Za-z0-9+/]+={0,2}))?"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log up to an event.

    Attributes:
        seq: The number of the last event.
        count: The number of events.
        hash: The hash of the last event.
        signature: An Ed25519 signature (RFC 8032).
        erased: How many of the events were erased; None in a line of version 1, which does not say.
    """

    seq: int
    count: int
    hash: str
    signature: bytes | None = None
    erased: int | None = None

    def __str__(self) -> str:
        if self.signature is None:
            return self.statement
        return f"{self.statement} signature={base64.b64encode(self.signature).decode()}"

    @property
    def statement(self) -> str:
        """The line without its signature. This is what is signed."""
        version = 1 if self.erased is None else 2
        erased = "" if self.erased is None else f" erased={self.erased}"
        return f"lback-checkpoint-v{version} seq={self.seq} count={self.count} hash={self.hash}{erased}"

    @classmethod
    def parse(cls, line: str) -> "Checkpoint":
        """Parse a line.

        Raises:
            ValidationError: It is not a checkpoint.
        """
        match = _LINE.fullmatch(line.strip())
        if match is None or (match["version"] == "2") != (match["erased"] is not None):
            raise ValidationError("checkpoint", "This is not a line that 'lback events checkpoint' printed.")
        try:
            signature = None if match["signature"] is None else base64.b64decode(match["signature"], validate=True)
        except binascii.Error as error:
            raise ValidationError("checkpoint", "The signature of the checkpoint is not Base64.") from error
        if match["seq"] != match["count"]:
            raise ValidationError("checkpoint", "The seq and the count of the checkpoint differ.")
        erased = None if match["erased"] is None else int(match["erased"])
        return cls(int(match["seq"]), int(match["count"]), match["hash"], signature, erased)

    def signed(self, key_file: Path) -> "Checkpoint":
        """Sign this checkpoint with the Ed25519 private key in the PEM file *key_file*.

        Raises:
            UsageError: The file cannot be read.
            ConfigurationError: The file has no such key, or the cryptography package is not installed.
        """
        return replace(self, signature=_private_key(key_file).sign(self.statement.encode()))

    def require_signature(self, key_file: Path) -> None:
        """Require a signature by the owner of the Ed25519 public key in the PEM file *key_file*.

        Raises:
            Refused: The checkpoint is not signed, or not with that key.
            UsageError: The file cannot be read.
            ConfigurationError: The file has no such key, or the cryptography package is not installed.
        """
        key = _public_key(key_file)
        from cryptography.exceptions import InvalidSignature

        if self.signature is None:
            raise Refused("The checkpoint is not signed.", hint="'lback events checkpoint --sign-with KEY' signs it.")
        try:
            key.verify(self.signature, self.statement.encode())
        except InvalidSignature as error:
            raise Refused(f"The signature of the checkpoint was not made with the key of {key_file}.") from error


def _private_key(path: Path) -> "Ed25519PrivateKey":
    _require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_a_key(path, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_a_key(path, "private")
    return key


def _public_key(path: Path) -> "Ed25519PublicKey":
    _require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _not_a_key(path, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _not_a_key(path, "public")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read the key {path}: {error.strerror or error}.") from error


def _not_a_key(path: Path, kind: str) -> ConfigurationError:
    make = "openssl genpkey -algorithm ed25519" if kind == "private" else "openssl pkey -in KEY -pubout"
    return ConfigurationError(f"{path} is not an unencrypted Ed25519 {kind} key in PEM form.", hint=f"Make one: {make}")


def _require_cryptography() -> None:
    try:
        import cryptography  # noqa: F401 - imported to raise an error with a hint
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "Signatures need the cryptography package.", hint="Run: pip install 'lback-cli[signing]'"
        ) from error
