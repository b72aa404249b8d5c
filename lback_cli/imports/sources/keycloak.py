"""Read users from a realm that Keycloak exported, with the hashes of its own two ways to store them."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.json_stream import JsonStream, Record
from lback_cli.imports.formats.strict_json import StrictDecoder
from lback_cli.imports.row import Row
from lback_cli.imports.sources.common import account_row
from lback_cli.security.hash_formats import argon2_hash, decoded, pbkdf2_hash
from lback_cli.text.escaping import safe

LONGEST_SECTION = 64 * 1024 * 1024
"""Characters of a part of the realm that is not its users, such as its clients; it is passed over as a whole."""

_PBKDF2 = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
_ARGON2_VERSIONS = {"1.0": 16, "1.3": 19}


class _HashError(Exception):
    """A hash that lback cannot take over, for a reason that its owner can read."""


def read(file: BinaryIO, *, email_domain: str | None = None) -> Iterator[Row]:
    """The rows of *file*. The accounts of services are passed over.

    A group's name is its path with dots, so that ``/sales/admin`` is ``sales.admin`` and not ``admin``.
    """
    decoder = StrictDecoder()
    for record in _users(JsonStream(file)):
        user = record.data
        if record.error is not None or not isinstance(user, dict):
            yield record.unreadable("is no user: it is not an object")
        elif not user.get("serviceAccountClientId"):
            yield record.located(_row(decoder, record.line, user, email_domain))


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


def _row(decoder: StrictDecoder, line: int, user: Mapping[str, Any], email_domain: str | None) -> Row:
    groups = user.get("groups")
    if isinstance(groups, list):
        groups = [path.strip("/").replace("/", ".") if isinstance(path, str) else path for path in groups] or None
    password = password_hash = problem = None
    try:
        password, password_hash = _password(decoder, user.get("credentials"))
    except _HashError as error:
        problem = str(error)
    except (ValueError, TypeError, AttributeError, LookupError):
        # Python's own words, on a field that is missing or of another kind, mean nothing to who reads them.
        problem = "it is damaged"
    row = account_row(
        line,
        email_domain,
        username=user.get("username"),
        email=user.get("email"),
        password=password,
        password_hash=password_hash,
        groups=groups,
        is_active=user.get("enabled"),
        is_email_verified=user.get("emailVerified"),
    )
    if problem is not None:
        # Before any other error: mending that alone would make a user without the password.
        message = f"The password of {safe(row.username)} is of no use: {problem}."
        row.error = ValidationError(
            "password_hash", message, hint="Leave the credential out, and the user is invited to set a password."
        )
    return row


def _password(decoder: StrictDecoder, credentials: Any) -> tuple[str | None, str | None]:
    """The plain password, as a realm written by hand has it, or the hash, of the first credential that is one.

    Raises `_HashError`, and what comes of reading fields that are not what they should be.
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
    """The hash in a form of its own: Keycloak has its parameters in *data*."""
    algorithm = data.get("algorithm") or "pbkdf2"
    rounds = data.get("hashIterations")
    if value.startswith("$"):
        # As extensions for bcrypt store it: whole.
        return value
    if algorithm in _PBKDF2:
        parameters = _PBKDF2[algorithm], int(rounds or 0), decoded(salt or ""), decoded(value)
        try:
            return pbkdf2_hash(*parameters)
        except ValueError as error:
            raise _HashError(f"it is {error}") from None
    if algorithm == "argon2":
        # Written as additionalParameters, read as algorithmData; each is a list of one.
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
    raise _HashError(f"it is hashed by {safe(algorithm, limit=40)}, which lback does not know")
