"""Which fields a list has: what ``--fields`` means."""

from collections.abc import Sequence

from lback_cli.cli.output.format import Record
from lback_cli.cli.output.table import short_title_of, title_of
from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe
from lback_cli.text.suggestions import did_you_mean


def parse_fields(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that *text*, the value of ``--fields``, names: commas separate them.

    A field can also be called by its title in tables, such as ``verified``.

    Raises:
        UsageError: A field is not among the *known* ones or comes twice, or there is none.
    """
    titles = {title.replace(" ", "_"): name for name in known for title in (title_of(name), short_title_of(name))}
    typed = (name.strip() for name in text.split(","))
    names = tuple(name if name in known else titles.get(name.replace(" ", "_").lower(), name) for name in typed)
    for index, name in enumerate(names):
        if name not in known:
            shown = f"there is no field '{safe(name, limit=40)}'" if name else "a name is missing"
            hint = f"{did_you_mean(name, known)} Fields are {', '.join(known)}.".lstrip()
            raise UsageError(f"--fields: {shown}.", hint=hint)
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
