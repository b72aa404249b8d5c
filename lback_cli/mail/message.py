"""The message of a mail: one recipient, and exactly the headers that were meant."""

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTP

from lback_cli.errors import ConfigurationError, MailError
from lback_cli.mail.templates import Content

_MAX_LINE = 998
"""Octets of a line without its end (RFC 5322, section 2.1.1)."""

_MAX_LOCAL_PART = 64
"""Octets before the @ of an address (RFC 5321, section 4.5.3.1.1)."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]")
_DOMAIN = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")


def is_unprintable(text: str) -> bool:
    """Return True if *text* has a control character (C0, DEL, C1), a line or paragraph separator, or a lone surrogate.

    In a header, any of them can forge another header, and `email.message` accepts some of them, such as NUL.
    """
    return _UNPRINTABLE.search(text) is not None


def wire_address(address: str) -> str:
    """Return *address* as SMTP and headers need it, with a domain beyond ASCII as A-labels (IDNA 2008).

    The local part is unchanged. It must be a dot-atom (RFC 5321, section 4.1.2; RFC 6531 beyond ASCII), because the
    quoted form could smuggle in a second address.

    Raises:
        ValueError: If it is not a plain address. The text says why.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError("it has no @")
    if len(local.encode("utf-8", "replace")) > _MAX_LOCAL_PART:
        raise ValueError(f"the part before the @ has more than {_MAX_LOCAL_PART} octets")
    atoms = local.split(".")
    if not all(atoms) or not all(map(_is_atom_character, local.replace(".", ""))):
        raise ValueError("the part before the @ has characters that are not allowed")
    if not domain.isascii():
        domain = _ascii_domain(domain)
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("the part after the @ is not a domain")
    return f"{local}@{domain}"


def configured_address(key: str, address: str) -> str:
    """Return the *address* that the setting *key* has, as `wire_address` does.

    Raises:
        ConfigurationError: If it is not a plain address.
    """
    try:
        return wire_address(address)
    except ValueError as error:
        raise ConfigurationError(
            f"{key}: {address!r} is not an e-mail address: {error}.",
            hint="Use the plain address, for instance accounts@example.org.",
        ) from error


def compose(
    content: Content, *, sender: str, sender_name: str, recipient: str, message_id: str, reply_to: str = ""
) -> EmailMessage:
    """Return a mail in text and HTML to one recipient, dated now and marked as automatic (RFC 3834).

    Exchange ignores that mark, so absence notes are suppressed with a header of its own too.

    Raises:
        MailError: If the recipient is not a plain address, or the finished mail does not parse back to its headers.
    """
    try:
        recipient = wire_address(recipient)
    except ValueError as error:
        raise MailError(
            f"No mail can be sent to {recipient!r}: {error}.",
            hint="Correct the user's e-mail address.",
            verdict="refused",
        ) from error
    policy = SMTP.clone(cte_type="7bit", utf8=not f"{sender}{recipient}".isascii())
    try:
        headers: dict[str, str | Address] = {
            "From": _address(sender, sender_name),
            "To": _address(recipient),
            "Subject": content.subject,
            "Message-ID": message_id,
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        }
        if reply_to:
            headers["Reply-To"] = _address(reply_to)
        message = EmailMessage(policy=policy)
        for name, value in headers.items():
            message[name] = _require_printable(name, value)
        message["Date"] = datetime.now(UTC)
        message.set_content(content.text, cte=_transfer_encoding(content.text))
        message.add_alternative(content.html, subtype="html", cte=_transfer_encoding(content.html))
        _require_unchanged(message, headers)
    except Exception as error:  # the library fails on bad values with errors of every kind
        reason = f": {error}" if isinstance(error, ValueError) else ""
        raise MailError(
            f"The mail was not sent: its headers cannot be written safely{reason}.",
            hint="Check the user's name and address, email.application and the template's Subject.",
            verdict="refused",
        ) from error
    return message


def _address(address: str, display_name: str = "") -> Address:
    # Address(addr_spec=...) refuses local parts beyond ASCII, which RFC 6532 allows.
    local, _, domain = address.rpartition("@")
    return Address(display_name, local, domain)


def _require_printable(name: str, value: str | Address) -> str | Address:
    if is_unprintable(str(value)):
        raise ValueError(f"{name} contains control characters")
    return value


def _require_unchanged(message: EmailMessage, headers: dict[str, str | Address]) -> None:
    """Raise `ValueError` unless *message*, as it will be sent, parses back to *headers* and no others.

    Versions of the standard library encode and fold headers differently, and some allowed forged headers
    (CVE-2024-6923).
    """
    # As text, because the parser of bytes takes UTF-8 headers (RFC 6532) for broken ASCII.
    parsed = Parser(policy=message.policy).parsestr(message.as_bytes().decode("utf-8"), headersonly=True)
    if parsed.keys() != [*headers, "Date", "MIME-Version", "Content-Type"]:
        raise ValueError("they do not stay separate")
    for name, meant in headers.items():
        found = parsed[name].addresses if isinstance(meant, Address) else [str(parsed[name])]
        if list(map(_essence, found)) != [_essence(meant)]:
            raise ValueError(f"{name} would change")


def _essence(value: str | Address) -> tuple[str, str]:
    """Return a header's address, and its text without the white space that folding may move."""
    address, text = (value.addr_spec, value.display_name) if isinstance(value, Address) else ("", value)
    return address, "".join(text.split())


def _transfer_encoding(body: str) -> str | None:
    """Return 7bit if a mail can contain *body* as it is, which keeps a long link whole, or None for the default."""
    fits = body.isascii() and all(len(line) <= _MAX_LINE for line in body.splitlines())
    return "7bit" if fits else None


def _is_atom_character(character: str) -> bool:
    if character.isascii():
        return _ATEXT.match(character) is not None
    return character.isprintable()


def _ascii_domain(domain: str) -> str:
    from email_validator import validate_email

    # This only converts the domain. The address was validated when it was stored.
    checked = validate_email(
        f"postmaster@{domain}", check_deliverability=False, globally_deliverable=False, test_environment=True
    )
    return checked.ascii_domain
