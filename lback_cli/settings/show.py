"""The configuration in effect, as text that may be shown: secrets are masked."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_plus

from lback_cli.settings.schema import Settings, keys, sections
from lback_cli.settings.values import as_text

MASK = "***"

_SCHEME = re.compile(r"[A-Za-z][\w+.-]*://")
_SQLITE_FILE = re.compile(r"sqlite(\+(pysqlite|aiosqlite))?:///")  # not pysqlcipher, which has a password
_PARAMETER = re.compile(r"(?<=[?&;])([^=&;?]+)=")
_NEXT_PARAMETER = re.compile(r"&[\w.%+-]+=")
_SECRET_NAME = re.compile(r"pass|pwd|secret|odbc_connect", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One configuration key: *key* is ``section.key``, *value* fit to show, *source* where it came from."""

    key: str
    value: str
    source: str


def shown(settings: Settings) -> list[ShownSetting]:
    """Every key of *settings* in the order of the schema, secrets masked.

    The source is that of ``settings.sources``; settings that a program made by hand have ``default`` or ``code``.
    """
    rows: list[ShownSetting] = []
    for section in sections():
        for key in keys(section):
            name = f"{section.name}.{key.name}"
            value = getattr(getattr(settings, section.name), key.name)
            text = mask_url(as_text(value)) if key.metadata.get("secret") else as_text(value)
            source = settings.sources.get(name, "default" if value == key.default else "code")
            rows.append(ShownSetting(name, text, source))
    return rows


def mask_url(url: str) -> str:
    """Replace by ``***`` the passwords in a database *url*: before the host, and in its query.

    It never raises, and needs no valid URL: a password that should have been percent-encoded and was not is often the
    very reason why a URL is shown. Where such a URL can be read in two ways, what is secret in either is masked: so
    everything is up to the last ``@``, at the price of a host's name before an ``@`` of the query. Only ``&name=`` ends
    a password of the query, as the next parameter has to stay readable.
    """
    hidden = [*_password_span(url), *_parameter_spans(url)]
    shown_until = 0
    pieces: list[str] = []
    for start, end in sorted(hidden):
        if start > shown_until or not pieces:
            pieces += [url[shown_until:start], MASK]
        shown_until = max(shown_until, end)
    return "".join([*pieces, url[shown_until:]])


def _password_span(url: str) -> list[tuple[int, int]]:
    if _SQLITE_FILE.match(url):
        return []  # a path, where : and @ are just letters
    scheme = _SCHEME.match(url)
    authority = scheme.end() if scheme else 0
    start, end = url.find(":", authority) + 1, url.rfind("@")
    return [(start, end)] if 0 < start < end else []


def _parameter_spans(url: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for name in _PARAMETER.finditer(url):
        if _SECRET_NAME.search(unquote_plus(name[1])):
            following = _NEXT_PARAMETER.search(url, name.end())
            end = following.start() if following else len(url)
            if name.end() < end:
                spans.append((name.end(), end))
    return spans
