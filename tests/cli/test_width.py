"""Where text is broken into lines, so that a person can copy paths and commands from a terminal."""

import pytest

from lback_cli.cli.output.width import wrapped, wrapped_message


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("See 'lback user list --search a' for a list.", ["See", "'lback user list --search a'", "for a list."]),
        ("`lback help options` lists them.", ["`lback help options`", "lists them."]),
        (
            "Written to /srv/app/mail/20261129T113601.eml now.",
            ["Written to", "/srv/app/mail/20261129T113601.eml", "now."],
        ),
        ("Don't take the users' names, but 'a b'.", ["Don't take the users'", "names, but 'a b'."]),
        ("G\u00fcn\u00fc 'lback user show a' zeigt.", ["G\u00fcn\u00fc", "'lback user show a'", "zeigt."]),
        ("\u00fc", ["\u00fc"]),
        ("To skip, add --if-exists skip here.", ["To skip, add", "--if-exists skip here."]),
        ("Or add --map-group a=GROUP too.", ["Or add", "--map-group a=GROUP", "too."]),
        ("", [""]),
    ],
)
def test_quoted_phrases_and_paths_stay_on_one_line(text: str, lines: list[str]) -> None:
    assert wrapped(text, 22) == lines


def test_a_command_at_the_end_has_a_line_of_its_own() -> None:
    assert wrapped_message("The schema is old. Run: lback db upgrade", 24) == [
        "The schema is old. Run:",
        "lback db upgrade",
    ]
    assert wrapped_message("Others can read it. Run: chmod 600 'a b'", 24) == [
        *("Others can read it. Run:", "chmod 600 'a b'"),
    ]
    assert wrapped_message("5 rows are done. Resume with: lback user import a.csv --resume", 30) == [
        *("5 rows are done. Resume with:", "lback user import a.csv --resume"),
    ]
    assert wrapped_message("Use a reader with: lines that are long.", 24) == [
        "Use a reader with: lines",
        "that are long.",
    ]
