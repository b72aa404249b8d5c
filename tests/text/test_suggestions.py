"""What a mistyped word may mean."""

import pytest

from lback_cli.text.suggestions import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "meant"),
    [("fail", "failed"), ("lokced", "locked"), ("locked", "locked"), ("xyz", None), ("", None), ("l" * 10**6, None)],
)
def test_the_nearest_word_is_meant(word: str, meant: str | None) -> None:
    assert nearest(word, ["ok", "failed", "locked"]) == meant
    assert did_you_mean(word, ["ok", "failed", "locked"]) == ("" if meant is None else f"Did you mean {meant}?")


def test_the_likeness_decides() -> None:
    assert nearest("lokd", ["locked"]) == "locked"
    assert nearest("lokd", ["locked"], likeness=0.9) is None
