"""The templates of mails. A file of the operator replaces the built-in one of the same name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from lback_cli.errors import ConfigurationError
from lback_cli.own_file import is_writable_by_all

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""A language tag (RFC 5646), which is safe as the name of a directory."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a mail: a *subject* of one line, and the same message as plain *text* and as *html*."""

    subject: str
    text: str
    html: str


def render(name: str, values: Mapping[str, str], directory: Path | None = None, language: str = "") -> Content:
    """Fill the templates ``name.txt`` and ``name.html`` with *values*.

    The first line of the text is ``Subject: ...``, the second is empty, and the rest is the body. Placeholders are
    those of `string.Template`: ``$link`` or ``${link}``, and ``$$`` for a dollar sign. In HTML, the values are escaped.

    Args:
        name: The name of the templates.
        values: The value of each placeholder.
        directory: Where to look for templates before using the built-in ones.
        language: A language tag (BCP 47). Templates in subdirectories of that name, and of its first part, come first.
            Any other text is ignored.

    Raises:
        ConfigurationError: If the directory or a file cannot be read, or can be written by every user, the subject is
            missing, or a placeholder has no value.
    """
    if directory is not None and not directory.is_dir():
        raise ConfigurationError(
            f"email.templates: {directory} is not a directory that can be read.",
            hint="Set it to the directory of your templates, or remove the key to use the built-in ones.",
        )
    text_file = _find(f"{name}.txt", directory, language)
    html_file = _find(f"{name}.html", directory, language)
    if directory is not None:
        own = [file for file in (text_file, html_file) if isinstance(file, Path)]
        _check_writers([directory, *(file.parent for file in own), *own])
    subject, body = _split(_read(text_file), text_file)
    html_values = {placeholder: escape(value) for placeholder, value in values.items()}
    return Content(
        subject=_fill(subject, values, text_file),
        text=_fill(body, values, text_file),
        html=_fill(_read(html_file), html_values, html_file),
    )


def _find(name: str, directory: Path | None, language: str) -> Traversable:
    if directory is None:
        return files("lback_cli.mail") / "templates" / name
    for place in (*_places(directory, language), directory):
        try:
            # Not exists(), which would ignore a template that is a broken link or in a directory without permission.
            (place / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _unreadable(place / name, error) from error
        return place / name
    return files("lback_cli.mail") / "templates" / name


def _places(directory: Path, language: str) -> Iterator[Path]:
    """Yield the directories for *language*, such as ``pt-BR`` and then ``pt``."""
    if _LANGUAGE.fullmatch(language):
        yield directory / language
        if "-" in language:
            yield directory / language.partition("-")[0]


def _check_writers(paths: Iterable[Path]) -> None:
    """Raise `ConfigurationError` if every user can write one of *paths*, and so decide where links in mails lead."""
    for path in paths:
        if is_writable_by_all(path):
            raise ConfigurationError(
                f"email.templates: every user can write {path}.",
                hint=f"Check the templates, then run: chmod o-w {path}",
            )


def _read(file: Traversable) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Traversable, error: OSError | UnicodeDecodeError) -> ConfigurationError:
    reason = error.strerror or error if isinstance(error, OSError) else "it is not UTF-8"
    return ConfigurationError(
        f"Cannot read the mail template {file}: {reason}.", hint="Make the file readable, or remove it."
    )


def _split(text: str, file: Traversable) -> tuple[str, str]:
    head, _, rest = text.partition("\n")
    field, colon, subject = head.partition(":")
    gap, _, body = rest.partition("\n")
    if field.lower() != "subject" or not colon or not subject.strip() or gap.strip():
        raise ConfigurationError(
            f"The mail template {file} does not begin with 'Subject: ...' and an empty line.",
            hint="Write the subject on the first line, leave the second empty, and begin the text on the third.",
        )
    return " ".join(subject.split()), body


def _fill(text: str, values: Mapping[str, str], file: Traversable) -> str:
    known = ", ".join(f"${name}" for name in sorted(values))
    try:
        return Template(text).substitute(values)
    except KeyError as error:
        raise ConfigurationError(
            f"The mail template {file} has an unknown placeholder ${error.args[0]}.", hint=f"Placeholders are {known}."
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"The mail template {file} has a $ without a placeholder: {error}.",
            hint=f"Write $$ for a dollar sign. Placeholders are {known}.",
        ) from error
