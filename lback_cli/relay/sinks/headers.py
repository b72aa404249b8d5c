"""The headers that a configuration adds to the requests of a webhook."""

import re
from collections.abc import Mapping

from lback_cli.errors import ConfigurationError
from lback_cli.settings.secret_file import read_secret_lines
from lback_cli.settings.sink_kinds import WebhookSettings

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, section 5.6.2)."""

_OWN = re.compile(
    r"host|content-.*|transfer-encoding|connection|upgrade|te|trailer|expect|user-agent|webhook-.*", re.IGNORECASE
)
"""The headers that lback sets itself, or that would change the meaning of its request."""


def read_headers(name: str, settings: WebhookSettings) -> Mapping[str, str]:
    """Return the additional headers of the webhook *name*.

    Raises:
        ConfigurationError: If one is malformed or not allowed. The message does not repeat its value.
    """
    key, file_key = f"relay.{name}.headers", f"relay.{name}.headers_file"
    lines = [(key, line) for line in settings.headers]
    if settings.headers_file is not None:
        lines += [(file_key, line) for line in read_secret_lines(settings.headers_file, file_key)]
    headers: dict[str, str] = {}
    for source, line in lines:
        header, value = _parsed(source, line)
        if header.lower() in map(str.lower, headers):
            raise ConfigurationError(f"{source}: the header {header} is there twice.", hint="Remove one of them.")
        headers[header] = value
    return headers


def _parsed(key: str, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not (colon and _NAME.fullmatch(name) and value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{key} has a line that is not a header.", hint="Write it as Name: value, in ASCII.")
    if _OWN.fullmatch(name):
        raise ConfigurationError(f"{key}: lback sets the header {name} itself.", hint="Remove it.")
    return name, value
