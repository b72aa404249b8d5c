"""Read a realm that Keycloak exported, with both ways in which it stores hashes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.json_stream import JsonStream, Record
from lback_cli.imports.formats.strict_json import StrictDecoder
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.base import SourceFormat
from lback_cli.imports.sources.keycloak_groups import GroupPaths
from lback_cli.security.hash_encoding import HashFormatError, argon2_hash, decoded, pbkdf2_hash
from lback_cli.text.escaping import safe

LONGEST_SECTION = 64 * 1024 * 1024
"""Characters of a section of the realm that is skipped as a whole, such as its clients."""

_EXPORT_ADVICE = "Export one with: kc.sh export --realm NAME --users realm_file --file realm.json"
_REALM = re.compile(rb'"realm"\s*:\s*"')
_PBKDF2 = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
_ARGON2_VERSIONS = {"1.0": 16, "1.3": 19}


class Keycloak(SourceFormat):
    """A realm with its users; the accounts of services are left out.

    A password that Keycloak would make the user change at the next login is left out too, because lback would keep it.
    """

    name = "keycloak"
    description = "Keycloak: kc.sh export --realm NAME --users realm_file"
    extension = ".json"
    no_users_hint = _EXPORT_ADVICE

    @classmethod
    def recognises(cls, start: bytes) -> bool:
        """Return whether there is an object with the name of a realm."""
        return start.lstrip().startswith(b"{") and _REALM.search(start) is not None

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each user."""
        start = file.tell()
        _require_realm(JsonStream(file))
        file.seek(start)
        decoder, groups = StrictDecoder(), GroupPaths(self.group_names)
        for record in _users(JsonStream(file), groups):
            user = record.data
            if record.error is not None or not isinstance(user, dict):
                yield record.unreadable("is not a user: it is not an object")
            elif user.get("serviceAccountClientId"):
                self.left_out["service accounts"] += 1
            else:
                yield record.located(self._row(decoder, groups, record.line, user))

    def _row(self, decoder: StrictDecoder, paths: GroupPaths, line: int, user: Mapping[str, Any]) -> ImportRow:
        groups, ambiguity = paths.names(user.get("groups"))
        password = password_hash = problem = None
        try:
            password, password_hash, is_temporary = _password(decoder, user)
            if is_temporary:
                self.left_out["temporary passwords"] += 1
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
        row.error = row.error or ambiguity
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


def _require_realm(stream: JsonStream) -> None:
    """Refuse a file without the name of a realm, because other programs write an object with users too."""
    problem = "it has no 'realm'"
    try:
        if stream.peek() != "{":
            problem = "it does not begin with a brace"
        elif any(key == "realm" and isinstance(value.data, str) for key, value in _sections(stream)):
            return
    except ValidationError as error:
        problem = error.message.rstrip(".")
    raise ValidationError("file", f"This is not a realm that Keycloak exported: {problem}.", hint=_EXPORT_ADVICE)


def _sections(stream: JsonStream) -> Iterator[tuple[str, Record]]:
    """Yield the keys of a realm with their values, and the users one by one."""
    for key in stream.members():
        if key == "users" and stream.peek() == "[":
            yield from ((key, record) for record in stream.items())
        else:
            yield key, stream.value(longest=LONGEST_SECTION)


def _users(stream: JsonStream, groups: GroupPaths) -> Iterator[Record]:
    """Yield the users, and add the groups to *groups*. Keycloak writes the groups first."""
    try:
        for key, record in _sections(stream):
            if key == "users" and record.number:
                yield record
            elif key == "groups":
                groups.add_tree(record.data)
        stream.require_end()
    except ValidationError as error:
        yield stream.broken(error)


def _password(decoder: StrictDecoder, user: Mapping[str, Any]) -> tuple[str | None, str | None, bool]:
    """Return the plain password, which a hand-written realm may have, or the hash of the first password credential.

    Neither is returned of a temporary password, which the last value marks.

    Raises:
        _HashError: The hash cannot be imported.
        ValueError, TypeError, AttributeError, LookupError: A field is missing or of the wrong type.
    """
    must_change = "UPDATE_PASSWORD" in (user.get("requiredActions") or ())
    for credential in user.get("credentials") or ():
        if credential.get("type") != "password":
            continue
        password, password_hash = _credential(decoder, credential)
        if password or password_hash:
            is_temporary = must_change or credential.get("temporary") is True
            return (None, None, True) if is_temporary else (password, password_hash, False)
    return None, None, False


def _credential(decoder: StrictDecoder, credential: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the plain password of *credential*, or its hash."""
    if "secretData" in credential:
        secret, data = decoder.decode(credential["secretData"]), decoder.decode(credential["credentialData"])
        return None, _hash(secret.get("value"), secret.get("salt"), data)
    if credential.get("hashedSaltedValue"):
        return None, _hash(credential["hashedSaltedValue"], credential.get("salt"), credential)
    return (str(credential["value"]) if credential.get("value") else None), None


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
        except HashFormatError as error:
            raise _HashError(f"it {error}") from None
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
