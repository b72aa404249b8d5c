"""docs/command-line.md lists all commands and options."""

import re
from pathlib import Path

from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.global_options import global_parameters

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text("utf-8")


def test_every_exit_code_is_listed() -> None:
    listed = re.findall(r"^\| (\d+) \| .+ \|$", PAGE, re.MULTILINE)

    assert listed == [str(code.value) for code in sorted(ExitCode)]


def test_every_global_option_is_listed() -> None:
    declared = [sorted(parameter.opts, key=len) for parameter in global_parameters()]
    rows = re.findall(r"^\| (`-.*?`) \| ", PAGE, re.MULTILINE)

    assert [re.findall(r"(?<![\w-])(--?[\w-]+)", row) for row in rows] == declared
