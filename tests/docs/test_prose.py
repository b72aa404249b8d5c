"""The check of prose finds words in prose and names, and leaves code and data alone."""

import pytest

from tools.check_prose import NOT_YET_CLEAN, PROJECT, Finding, check_markdown, check_python, main


def test_prose_and_names_of_the_project_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([])
    assert (status, capsys.readouterr().out) == (0, "")


def test_files_that_are_not_yet_clean_exist() -> None:
    assert [name for name in NOT_YET_CLEAN if not (PROJECT / name).is_file()] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One line.\nTell the user.", [(2, "Tell")]),
        ("What\nbecomes of it: the log is buried.", [(1, "What\nbecomes of"), (2, "buried")]),
        ("Call `tell` or file.tell().\n```\nwhoever\n```\nAn amendment was foretold.", []),
        ("| not | but |\n|---|---|\n| Whoever. | The user. |\n\nwhoever", [(5, "whoever")]),
    ],
)
def test_words_in_a_page(text: str, found: list[Finding]) -> None:
    assert check_markdown(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def test_nobody_is_told() -> None: ...", [(1, "nobody"), (1, "told")]),
        ("# First.\nx = 1  # mended", [(2, "mended")]),
        ('"""Summary.\n\nIt tells the file.\n"""', [(3, "tells")]),
        ('def f():\n    """The ledger."""', [(2, "ledger")]),
        ("x = file.tell()", []),
        ("x = 'nobody'", []),
    ],
)
def test_words_in_a_module(text: str, found: list[Finding]) -> None:
    assert sorted(check_python(text, messages=True)) == found


@pytest.mark.parametrize("text", ["x = 'Ask somebody.'", "x = f'Ask {y} or somebody.'"])
def test_messages_are_checked_where_they_are_shown(text: str) -> None:
    assert check_python(text, messages=True) == [(1, "somebody")]
    assert check_python(text, messages=False) == []
