"""Check prose and names for words that CONTRIBUTING.md replaces by plain ones: ``python -m tools.check_prose``.

In Python, comments, docstrings and names are read, and in `lback_cli` and `tools` also the sentences in other strings,
which are messages. In Markdown, everything but code is read, and in templates of mail everything.
"""

import ast
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[1]
PLACES = ("lback_cli", "docs", "tests", "tools", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
MESSAGES_IN = ("lback_cli", "tools")

INSTEAD = {
    "told": "report, name or show, with what is reported",
    "tells?": "report, name or show, with what is reported",
    "whoever": "the user, process or application",
    "somebody": "a user, another process",
    "nobody": "no user, no process",
    "anybody": "any user",
    "mend(?:s|ed|ing)?": "fix or repair",
    "bur(?:y|ies|ied)": "delete, hide",
    "ledgers?": "event log",
    "patient": "waiting, with a timeout",
    r"what\s+(?:becomes|became)\s+of": "the state or result of",
    r"has\s+its\s+success\s+taken\s+back": "is rolled back",
    r"so\s+says": "the name of the source",
    r"(?<!there\s)(?:is|are|was|were)\s+no\s+(?!longer\b|more\b|need\b|one\b|other\b|such\b)[a-z]+": "is not a ...",
}
"""Patterns of words, each with what to write instead."""

_FOUND = re.compile("|".join(rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])" for word in INSTEAD), re.IGNORECASE)
_CODE = re.compile(r"``.+?``|`[^`]+`|\S*\.tell\b|\btell\(", re.DOTALL)
_MAIL = {".txt", ".html"}
"""The endings of mail templates."""

_TABLE_OF_WORDS = "| not | but |"
"""The header of a table whose first column quotes what not to write."""

NOT_YET_CLEAN: tuple[str, ...] = ()
"""Files that are not checked yet. Remove a file when its text is clean."""


class Finding(NamedTuple):
    """A word to replace."""

    line: int
    word: str

    @property
    def instead(self) -> str:
        """What to write instead."""
        return next(text for word, text in INSTEAD.items() if re.fullmatch(word, self.word, re.IGNORECASE))


def check_markdown(text: str) -> list[Finding]:
    """Return the words to replace in a page."""
    code = quoted = False
    lines = []
    for line in text.splitlines():
        fence = line.lstrip().startswith(("```", "~~~"))
        code ^= fence
        quoted = line == _TABLE_OF_WORDS or (quoted and line.startswith("|"))
        lines.append("" if code or fence or quoted else line)
    return list(_in_prose("\n".join(lines), 1))


def check_python(text: str, *, messages: bool) -> list[Finding]:
    """Return the words to replace in a module. Strings that are not docstrings count only as *messages*."""
    tree = ast.parse(text)
    # A string that stands alone is the docstring of a function, class, module or attribute.
    alone = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    docstrings = {node.lineno for node in alone if isinstance(node, ast.Constant)}
    findings: dict[tuple[str, str], Finding] = {}
    previous = ""
    for token in tokenize.generate_tokens(StringIO(text).readline):
        line = token.start[0]
        found: Iterator[Finding] = iter(())
        if token.type == tokenize.NAME and not (previous == "." and token.string == "tell"):
            found = _in_words(token.string.replace("_", " "), line)
        elif token.type == tokenize.COMMENT:
            found = _in_prose(token.string, line)
        elif token.type == tokenize.STRING:
            prose = line in docstrings or (messages and " " in token.string)
            found = _in_prose(token.string, line) if prose else iter(())
        elif messages and token.type == getattr(tokenize, "FSTRING_MIDDLE", None):
            found = _in_prose(token.string, line)
        for finding in found:
            # A name is reported once.
            where = token.string if token.type == tokenize.NAME else str(line)
            findings.setdefault((where, finding.word), finding)
        previous = token.string
    return sorted(findings.values())


def _in_prose(text: str, first_line: int) -> Iterator[Finding]:
    # Code is replaced by as many line breaks as it has, which keeps the numbers of lines.
    return _in_words(_CODE.sub(lambda code: "\n" * code[0].count("\n"), text), first_line)


def _in_words(text: str, first_line: int) -> Iterator[Finding]:
    for match in _FOUND.finditer(text):
        yield Finding(first_line + text.count("\n", 0, match.start()), match[0])


def check_file(path: Path) -> list[Finding]:
    """Return the words to replace in a file of the project."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return check_markdown(text)
    if path.suffix in _MAIL:
        return [*_in_words(text, 1)]
    return check_python(text, messages=path.relative_to(PROJECT).parts[0] in MESSAGES_IN)


def _is_mail(file: Path) -> bool:
    return file.suffix in _MAIL and file.parent.name == "templates"


def files() -> list[Path]:
    """Return all files to check."""
    places = [PROJECT / place for place in PLACES]
    found = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    return sorted(file for file in found if file.suffix in {".py", ".md"} or _is_mail(file))


def main(arguments: Sequence[str]) -> int:
    """Check the files named by *arguments*, or all; return 1 if there are findings."""
    wanted = [Path(argument).resolve() for argument in arguments]
    status = 0
    for file in files():
        name = file.relative_to(PROJECT).as_posix()
        if name in NOT_YET_CLEAN or (wanted and file not in wanted):
            continue
        for finding in check_file(file):
            sys.stdout.write(f"{name}:{finding.line}: {finding.word}: write {finding.instead}\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
