"""Cells that a spreadsheet would run: an apostrophe before them stops it (ASVS 1.2.10), and an import takes it off."""

_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\0", "'")


def escaped(cell: str) -> str:
    """*cell* such that a spreadsheet takes it for text."""
    return f"'{cell}" if cell.startswith(_ACTIVE) else cell


def unescaped(cell: str) -> str:
    """What *cell* was before `escaped`; an apostrophe that nothing active follows is the cell's own."""
    return cell[1:] if cell[:1] == "'" and cell.startswith(_ACTIVE, 1) else cell
