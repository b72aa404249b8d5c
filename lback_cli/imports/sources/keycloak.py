"""Read a realm that Keycloak exported, with both ways in which it stores hashes."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.json_stream import JsonStream, Record
from lback_cli.imports.formats.strict_json import StrictDecoder
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.base import SourceFormat
from lback_cli.security.hash_formats import argon2_hash, decoded, pbkdf2_hash
from lback_cli.text.escaping import safe

LONGEST_SECTION = 64 * 1024 * 1024
"""Characters of a section of the realm that is skipped as a whole, such as its clients."""

_PBKDF2 = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
_ARGON2_VERSIONS = {"1.0": 16, "1.3": 19}


class Keycloak(SourceFormat):
    """A realm with its users; the accounts of services are left out.

    The name of a group is its path with dots, so ``/sales/admin`` becomes ``sales.admin`` and not ``admin``.
    """

    name = "keycloak"
    description = "Keycloak: kc.sh export --realm NAME --users realm_file"
    extension = ".json"

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each user."""
        decoder = StrictDecoder()
        for record in _users(JsonStream(file)):
            user = record.data
            if record.error is not None or not isinstance(user, dict):
                yield record.unreadable("is no user: it is not an object")
            elif not user.get("serviceAccountClientId"):
                yield record.located(self._row(decoder, record.line, user))

    def _row(self, decoder: StrictDecoder, line: int, user: Mapping[str, Any]) -> ImportRow:
        groups = user.get("groups")
        if isinstance(groups, list):
            groups = [path.strip("/").replace("/", ".") if isinstance(path, str) else path for path in groups] or None
        password = password_hash = problem = None
        try:
            password, password_hash = _password(decoder, user.get("credentials"))
        except _HashError as error:
            problem = str(error)
        except (ValueError, TypeError, AttributeError, LookupError):
            # A field is missing or of the wrong type; Python's own message would not help the user.
            problem = "it is damaged"
        row = self.row(
            line,
            username=user.get("username"),
            email=user.get("email"),
            password=password,
            password_hash=password_hash,
            groups=groups,
            is_active=user.get("enabled"),
            is_email_verified=user.get("emailVerified"),
        )
        if problem is not None:
            # This error comes before any other: a row with only the other one fixed would lack the password.
            row.error = ValidationError(
                "password_hash",
                f"The password of {safe(row.username)} cannot be imported: {problem}.",
                hint="Leave the credential out to invite the user to set a password.",
            )
        return row


class _HashError(Exception):
    """Why a hash cannot be imported, for the user to read."""


def _users(stream: JsonStream) -> Iterator[Record]:
    if stream.peek() != "{":
        raise ValidationError(
            "file",
            "This is no realm that Keycloak exported: it does not begin with a brace.",
            hint="Export one with: kc.sh export --realm NAME --users realm_file --file realm.json",
        )
    try:
        for key in stream.members():
            if key == "users" and stream.peek() == "[":
                yield from stream.items()
            else:
                stream.value(longest=LONGEST_SECTION)
        stream.require_end()
    except ValidationError as error:
        yield stream.broken(error)


def _password(decoder: StrictDecoder, credentials: Any) -> tuple[str | None, str | None]:
    """Return the plain password, which a hand-written realm may have, or the hash of the first password credential.

    Raises:
        _HashError: The hash cannot be imported.
        ValueError, TypeError, AttributeError, LookupError: A field is missing or of the wrong type.
    """
    for credential in credentials or ():
        if credential.get("type") != "password":
            continue
        if "secretData" in credential:
            secret, data = decoder.decode(credential["secretData"]), decoder.decode(credential["credentialData"])
            return None, _hash(secret.get("value"), secret.get("salt"), data)
        if credential.get("hashedSaltedValue"):
            return None, _hash(credential["hashedSaltedValue"], credential.get("salt"), credential)
        if credential.get("value"):
            return str(credential["value"]), None
    return None, None


def _hash(value: str, salt: str | None, data: Mapping[str, Any]) -> str:
    """Return a hash with its parameters, which Keycloak keeps in *data*, as one text."""
    algorithm = data.get("algorithm") or "pbkdf2"
    rounds = data.get("hashIterations")
    if value.startswith("$"):
        # Extensions for bcrypt store the whole text.
        return value
    if algorithm in _PBKDF2:
        parameters = _PBKDF2[algorithm], int(rounds or 0), decoded(salt or ""), decoded(value)
        try:
            return pbkdf2_hash(*parameters)
        except ValueError as error:
            raise _HashError(f"it is {error}") from None
    if algorithm == "argon2":
        # Keycloak writes additionalParameters and reads algorithmData; each value is a list of one.
        more = data.get("additionalParameters") or data.get("algorithmData") or {}
        first = {name: values[0] for name, values in more.items()}
        return argon2_hash(
            first.get("type", "id"),
            version=_ARGON2_VERSIONS[first.get("version", "1.3")],
            memory=int(first["memory"]),
            iterations=int(rounds or 0),
            parallelism=int(first["parallelism"]),
            salt=decoded(salt or ""),
            tag=decoded(value),
        )
    raise _HashError(f"it is hashed by {safe(algorithm, limit=40)}, which lback does not support")
