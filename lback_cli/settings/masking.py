"""The configuration in effect, as text that may be shown: secrets are masked."""

import re
from collections.abc import Iterator
from dataclasses import Field, dataclass
from typing import Any
from urllib.parse import unquote_plus

from lback_cli.settings.parsing import as_text
from lback_cli.settings.schema import Settings, families, keys, sections

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


def describe_settings(settings: Settings) -> list[ShownSetting]:
    """Every key of *settings* in the order of the schema, secrets masked.

    The source is that of ``settings.sources``; settings that a program made by hand have ``default`` or ``code``.
    """
    rows: list[ShownSetting] = []
    for section, declared, holder in _sections(settings):
        for key in keys(declared):
            name = f"{section}.{key.name}"
            value = getattr(holder, key.name)
            source = settings.sources.get(name, "default" if value == key.default else "code")
            rows.append(ShownSetting(name, _masked(key, as_text(value)), source))
    return rows


def is_secret_option(name: str) -> bool:
    """Whether an option of that *name* in a database's URL may be a password, of a key for instance."""
    return _SECRET_NAME.search(name) is not None


def _sections(settings: Settings) -> Iterator[tuple[str, Field[Any], Any]]:
    """The name, the declaration and the values of every section."""
    for section in sections():
        yield section.name, section, getattr(settings, section.name)
    for family in families():
        for name, holder in getattr(settings, family.name).items():
            yield f"{family.name}.{name}", family, holder


def _masked(key: Field[Any], text: str) -> str:
    match key.metadata.get("hidden"):
        case "password":
            return mask_url(text)
        case "whole" if text:
            return MASK
    return text


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
        if is_secret_option(unquote_plus(name[1])):
            following = _NEXT_PARAMETER.search(url, name.end())
            end = following.start() if following else len(url)
            if name.end() < end:
                spans.append((name.end(), end))
    return spans
