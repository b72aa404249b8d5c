"""Show the configuration in effect, with secrets masked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from lback_cli.errors import UsageError
from lback_cli.settings.parsing import to_text
from lback_cli.settings.schema import Settings, families, sections
from lback_cli.text.escaping import safe
from lback_cli.text.suggestions import did_you_mean

HIDDEN = "***"

_SCHEME = re.compile(r"[A-Za-z][\w+.-]*://")
_SQLITE_FILE = re.compile(r"sqlite(\+(pysqlite|aiosqlite))?:///")  # not pysqlcipher, which has a password
_TOKEN_BEFORE_HOST = re.compile(r"(nats|tls|https?)://", re.IGNORECASE)
_HTTP = re.compile(r"https?://", re.IGNORECASE)
_TOKEN_IN_PATH = re.compile(r"(?<=[/#])(?=[^/?#]*[0-9])(?=[^/?#]*[A-Za-z])[\w%~+=-]{16,}(?=[/?#]|$)|(?<=#).+")
_PARAMETER = re.compile(r"(?<=[?&;])([^=&;?]+)=")
_NEXT_PARAMETER = re.compile(r"&[\w.%+-]+=")
_SECRET_NAME = re.compile(r"pass|pwd|secret|odbc_connect", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """The masked *value* of a configuration key, called ``section.key``, and its *source*.

    Attributes:
        key: The name of the key.
        value: Its value in JSON: a number or boolean as such, a list of names, None if it is not set, else text.
        source: Where the value came from.
    """

    key: str
    value: Any
    source: str

    @property
    def text(self) -> str:
        """The value as a person writes it in a file or a variable."""
        return to_text(tuple(self.value) if isinstance(self.value, list) else self.value)


def describe_settings(settings: Settings, in_force: Mapping[str, str] | None = None) -> list[ShownSetting]:
    """Return every key of *settings* in the order of the schema, with secrets masked.

    Values that are not in ``settings.sources``, because a program set them, have the source ``default`` or ``code``.

    Args:
        settings: The settings.
        in_force: What is used for keys that are not set, by the names of the keys.
    """
    rows: list[ShownSetting] = []
    in_force = in_force or {}
    for section, holder in _sections(settings):
        for key in fields(holder):
            name = f"{section}.{key.name}"
            value = getattr(holder, key.name)
            source = settings.sources.get(name, "default" if value == key.default else "code")
            shown = _masked(key, value)
            rows.append(ShownSetting(name, in_force.get(name, shown) if shown in (None, "") else shown, source))
    return rows


def part_of(settings: Sequence[ShownSetting], name: str | None) -> Sequence[ShownSetting]:
    """Return those of *settings* that are in the section *name*, or are the key *name*; all if it is None.

    Raises:
        UsageError: There is no such section and no such key.
    """
    if name is None:
        return settings
    found = [item for item in settings if item.key == name or item.key.startswith(f"{name}.")]
    if not found and name not in {family.name for family in families()}:
        sections = dict.fromkeys(item.key.partition(".")[0] for item in settings)
        names = [*sections, *(item.key.rpartition(".")[0] for item in settings), *(item.key for item in settings)]
        hint = f"{did_you_mean(name, names)} Sections are {', '.join(sections)}.".lstrip()
        raise UsageError(f"There is no section and no key {safe(name, limit=80)!r}.", hint=hint)
    return found


def secret_files(settings: Settings) -> Iterator[Path]:
    """Yield the files with secrets that *settings* name."""
    for _, holder in _sections(settings):
        for key in fields(holder):
            other = key.metadata.get("private_unless")
            has_secret = key.metadata.get("secret_file") or (other and getattr(holder, other) is None)
            if has_secret and (path := getattr(holder, key.name)) is not None:
                yield path


def has_secrets(settings: Settings, source: str) -> bool:
    """Return whether *source*, as in ``settings.sources``, sets a value with a secret in it."""
    for section, holder in _sections(settings):
        for key in fields(holder):
            text = to_text(getattr(holder, key.name))
            if settings.sources.get(f"{section}.{key.name}") == source and _masked(key, text) != text:
                return True
    return False


def is_secret_option(name: str) -> bool:
    """Return whether an option of that *name* in a database's URL may be a password."""
    return _SECRET_NAME.search(name) is not None


def _sections(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield the name and the values of every section."""
    for section in sections():
        yield section.name, getattr(settings, section.name)
    for family in families():
        for name, holder in getattr(settings, family.name).items():
            yield f"{family.name}.{name}", holder


def _masked(key: Field[Any], value: Any) -> Any:
    """Return *value* in JSON, without secrets."""
    match key.metadata.get("hidden"):
        case "password":
            return mask_url(value)
        case "whole" if value:
            return HIDDEN
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int | float) else to_text(value)


def mask_url(url: str) -> str:
    """Replace the passwords in a database *url* by ``***``: the one before the host, and those in the query.

    This works for malformed URLs too, and never raises: a URL is often shown because its password was not
    percent-encoded. If the URL is ambiguous, everything that may be secret is masked. So the password extends to the
    last ``@``, which may hide the host if the query contains an ``@``. In the query, a password extends to the next
    ``&name=``, so that the other parameters stay readable.
    """
    hidden = [*_password_span(url), *_parameter_spans(url), *_token_spans(url)]
    shown_until = 0
    pieces: list[str] = []
    for start, end in sorted(hidden):
        if start > shown_until or not pieces:
            pieces += [url[shown_until:start], HIDDEN]
        shown_until = max(shown_until, end)
    return "".join([*pieces, url[shown_until:]])


def _password_span(url: str) -> list[tuple[int, int]]:
    if _SQLITE_FILE.match(url):
        return []  # a path, in which : and @ have no meaning
    scheme = _SCHEME.match(url)
    authority = scheme.end() if scheme else 0
    start, end = url.find(":", authority) + 1, url.rfind("@")
    if _TOKEN_BEFORE_HOST.match(url) and not 0 < start < end:
        start = authority  # what stands alone there may be a token
    return [(start, end)] if 0 < start < end else []


def _token_spans(url: str) -> list[tuple[int, int]]:
    """Return the parts of a webhook's path that look like tokens: chat programs put the secret there."""
    return [found.span() for found in _TOKEN_IN_PATH.finditer(url)] if _HTTP.match(url) else []


def _parameter_spans(url: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for name in _PARAMETER.finditer(url):
        # A webhook's parameters have any names, and are there to let the sender in.
        if _HTTP.match(url) or is_secret_option(unquote_plus(name[1])):
            following = _NEXT_PARAMETER.search(url, name.end())
            end = following.start() if following else len(url)
            if name.end() < end:
                spans.append((name.end(), end))
    return spans
