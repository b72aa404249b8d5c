"""The trace for people in a file or a pipe: a line for each signal, however long, so that it can be searched."""

from collections.abc import Sequence

from lback_cli.tracing.layout import NAME_WIDTH, Span, TraceLine


def plain_text(lines: Sequence[TraceLine]) -> str:
    """*lines* as text with its newlines; the operations within another are indented."""
    return "".join(f"{_line(line)}\n" for line in lines)


def _line(line: TraceLine) -> str:
    indent = "  " * (line.depth + (1 if line.start == "rail" else 0))
    first, *rest = map(_word, line.words)
    if rest:
        first = first.ljust(NAME_WIDTH)
    return indent + _word(line.lead) + "  ".join([first, *rest])


def _word(word: Span) -> str:
    return "".join(text for text, _ in word)
