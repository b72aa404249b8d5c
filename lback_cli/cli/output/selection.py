"""Which fields a list has: what ``--fields`` means."""

from collections.abc import Sequence

from lback_cli.cli.output.format import Record
from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe


def parse_fields(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that *text*, the value of ``--fields``, names: commas separate them.

    Raises:
        UsageError: A field is not among the *known* ones or comes twice, or there is none.
    """
    names = tuple(name.strip() for name in text.split(","))
    for index, name in enumerate(names):
        if name not in known:
            shown = f"there is no field '{safe(name, limit=40)}'" if name else "a name is missing"
            raise UsageError(f"--fields: {shown}.", hint=f"{_suggestion(name, known)}Fields are {', '.join(known)}.")
        if name in names[:index]:
            raise UsageError(f"--fields: {name} comes twice.")
    return names


def flat(record: Record) -> Record:
    """Return *record* with each of its attributes as a field of its own."""
    if "attributes" not in record:
        return record
    fields: dict[str, object] = {}
    for name, value in record.items():
        fields |= value if name == "attributes" else {name: value}
    return fields


def projected(record: Record, fields: Sequence[str]) -> Record:
    """Return *fields* of *record*, in their order. An attribute that it does not have is None."""
    fields_of_record = flat(record)
    return {name: fields_of_record.get(name) for name in fields}


def _suggestion(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = [f"is_{name}"] if f"is_{name}" in known else get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}? " if near else ""
