"""Read identities of Ory Kratos."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.json_stream import JsonStream, Record
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.base import SourceFormat
from lback_cli.security.kratos_hashes import native_form

_MARKS = (b'"schema_id"', b'"verifiable_addresses"', b'"credentials"')
_PAGE_KEYS = frozenset({"identities", "next_page_token"})
"""The first key of a page of identities, and of no identity."""


class Kratos(SourceFormat):
    """Identities: a list, one a line, or what ``kratos list identities --format json`` prints.

    The e-mail address is the trait ``email``, or else the first verifiable address. It is verified if Kratos says so.
    """

    name = "kratos"
    description = "Ory Kratos: identities with their credentials, a JSON list or JSON Lines"
    extension = ".json"

    @classmethod
    def recognises(cls, start: bytes) -> bool:
        """Return whether there are objects with traits, and what only identities have besides."""
        return b'"traits"' in start and any(key in start for key in _MARKS)

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each identity."""
        for record in _identities(JsonStream(file)):
            data = record.data
            if record.error is not None or not isinstance(data, dict) or not isinstance(data.get("traits"), dict):
                yield record.unreadable("is not an identity: it has no traits")
            else:
                yield record.located(self._row(record.line, data))

    def _row(self, line: int, identity: Mapping[str, Any]) -> ImportRow:
        traits = identity["traits"]
        addresses = [
            address
            for address in _list(identity.get("verifiable_addresses"))
            if isinstance(address, dict) and address.get("via", "email") == "email"
        ]
        email = traits.get("email") or next((address.get("value") for address in addresses), None)
        # Kratos lower-cases a verifiable address, and not the trait.
        wanted = _canonical(email)
        verified = [
            address.get("verified") is True for address in addresses if _canonical(address.get("value")) == wanted
        ]
        config = _password_config(identity)
        stored = config.get("hashed_password")
        return self.row(
            line,
            username=traits.get("username") or _identifier(identity),
            email=email,
            password=config.get("password") if not stored else None,
            password_hash=native_form(stored) if isinstance(stored, str) else stored,
            is_active=False if identity.get("state") == "inactive" else None,
            is_email_verified=verified[0] if verified else None,
        )


def _canonical(address: Any) -> Any:
    from lback_cli.text.emails import canonical_email

    try:
        return canonical_email(address) if isinstance(address, str) else address
    except ValidationError:
        return address


def _identities(stream: JsonStream) -> Iterator[Record]:
    if stream.peek() == "[":
        return stream.document()
    return stream.each(lambda: _page(stream) if stream.first_key() in _PAGE_KEYS else _identity_or_page(stream))


def _page(stream: JsonStream) -> Iterator[Record]:
    """Yield the identities of a page, without holding the page as a whole."""
    for key in stream.members():
        if key == "identities" and stream.peek() == "[":
            yield from stream.items()
        elif (record := stream.value()).data is not None and key == "identities":
            yield record


def _identity_or_page(stream: JsonStream) -> Iterator[Record]:
    """Yield an identity, or those of a page whose first key is another, which is held as a whole."""
    for record in stream.numbered():
        page = record.data.get("identities") if record.error is None and isinstance(record.data, dict) else None
        if isinstance(page, list):
            yield from (Record(record.line, identity, number=number) for number, identity in enumerate(page, 1))
        else:
            yield record


def _password_config(identity: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = identity
    for key in ("credentials", "password", "config"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _identifier(identity: Mapping[str, Any]) -> str | None:
    """Return the name that the user logs in with, if it is not an e-mail address."""
    credentials = identity.get("credentials")
    password = credentials.get("password") if isinstance(credentials, dict) else None
    identifiers = _list(password.get("identifiers")) if isinstance(password, dict) else []
    return next((name for name in identifiers if isinstance(name, str) and "@" not in name), None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
