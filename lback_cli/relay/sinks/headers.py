"""The headers that a configuration adds to the requests of a webhook."""

import re
from collections.abc import Mapping

from lback_cli.errors import ConfigurationError
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
    headers = dict(_parsed(f"relay.{name}.headers", line) for line in settings.headers)
    if settings.headers_file is not None:
        key = f"relay.{name}.headers_file"
        try:
            lines = settings.headers_file.read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigurationError(f"{key}: cannot read {settings.headers_file}: {reason}.") from error
        headers |= dict(_parsed(key, line) for line in lines if line.strip())
    return headers


def _parsed(key: str, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not (colon and _NAME.fullmatch(name) and value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{key} has a line that is not a header.", hint="Write it as Name: value, in ASCII.")
    if _OWN.fullmatch(name):
        raise ConfigurationError(f"{key}: lback sets the header {name} itself.", hint="Remove it.")
    return name, value
