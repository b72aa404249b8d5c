"""Cells that a spreadsheet would run as formulas: an export puts an apostrophe before them, an import removes it.

ASVS 1.2.10 and OWASP, CSV Injection.
"""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0", "'")


def escaped(cell: str) -> str:
    """Return *cell* in a form that a spreadsheet treats as text."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def unescaped(cell: str) -> str:
    """Return *cell* as it was before `escaped`; an apostrophe before anything else belongs to the cell."""
    return cell[1:] if cell[:1] == "'" and cell.startswith(FORMULA_STARTS, 1) else cell
