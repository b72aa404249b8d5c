"""Values as the text of a table's or CSV file's cell."""

import json
from typing import Any

from lback_cli.text.escaping import safe


def cell_text(value: Any) -> str:
    """Return *value* in one line, without characters that a terminal would act on."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return safe(", ".join(map(str, value)))
    if isinstance(value, dict):
        return safe(json.dumps(value, ensure_ascii=False))
    return "" if value is None else safe(str(value))
