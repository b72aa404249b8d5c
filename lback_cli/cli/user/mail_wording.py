"""What messages say about the mail of an operation."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from lback_cli.operations.attempts import AttemptState, PostedMail

_NAMES = {
    "verify_email": "a verification link",
    "invitation": "an invitation",
    "reset_password": "a reset link",
    "email_changed": "a notice",
    "password_changed": "a notice",
}
"""What a mail of each template has in it."""


def mail_sentence(effects: AttemptState) -> str:
    """Return what was mailed as a sentence: ``Mailed a reset link to ann@example.org.`` Empty if nothing was."""
    phrase = _phrase(effects.mails.values(), for_whom=True)
    return f"{phrase[0].upper()}{phrase[1:]}." if phrase else ""


def with_mail(sentence: str, effects: AttemptState) -> str:
    """Return *sentence*, which names the user and has no full stop, with what was mailed."""
    phrase = _phrase(effects.mails.values(), for_whom=False)
    return f"{sentence}; {phrase}." if phrase else f"{sentence}."


def mail_counts(mails: Iterable[PostedMail]) -> str:
    """Return how many mails of each kind were sent as a sentence: ``Mailed 3 invitations.`` Empty if none was."""
    mails = list(mails)
    return mails_of_many(Counter(mail.template for mail in mails), mails[0]) if mails else ""


def mails_of_many(templates: Mapping[str, int], example: PostedMail) -> str:
    """Return how many mails of each kind were sent as a sentence.

    Args:
        templates: The number of mails by template.
        example: One of the mails.
    """
    counts: Counter[str] = Counter()
    for template, count in templates.items():
        counts[_NAMES[template]] += count
    phrase = _joined(_counted(name, count) for name, count in counts.items())
    if example.file is not None:
        return f"Wrote {phrase} to {short_path(example.file.parent)} (transport: file)."
    return f"{'Queued' if example.queued else 'Mailed'} {phrase}."


def _counted(name: str, count: int) -> str:
    return name if count == 1 else f"{count} {name.partition(' ')[2]}s"


def short_path(file: Path) -> str:
    """Return the path as a shell understands it, with ``~`` for the home directory."""
    home = os.environ.get("HOME")
    return f"~/{file.relative_to(home)}" if home and file.is_relative_to(home) else str(file)


def _phrase(mails: Iterable[PostedMail], *, for_whom: bool) -> str:
    mails = list(mails)
    if not mails:
        return ""
    if mails[0].file is None:
        verb = "queued" if mails[0].queued else "mailed"
        return f"{verb} {_joined(f'{_NAMES[mail.template]} to {mail.recipient}' for mail in mails)}"
    named = [_NAMES[mail.template] + (f" for {mail.recipient}" if for_whom else "") for mail in mails]
    files = _joined(f"{name} to {short_path(mail.file)}" for name, mail in zip(named, mails, strict=True) if mail.file)
    return f"wrote {files} (transport: file)"


def _joined(phrases: Iterable[str]) -> str:
    *others, last = phrases
    return f"{', '.join(others)} and {last}" if others else last
