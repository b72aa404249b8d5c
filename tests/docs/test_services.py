"""The units and crontab lines of docs/examples can be used as they are."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from lback_cli.cli.app import app
from lback_cli.cli.context import CliContext
from tests.cli.command_lines import commands_below

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
UNITS = sorted((EXAMPLES / "systemd").iterdir())
PROGRAM = "/usr/local/bin/lback"
COMMANDS = dict(commands_below(typer.main.get_command(app)))


def _command_lines() -> Iterator[str]:
    for unit in UNITS:
        for line in re.findall(r"^ExecStart=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
            yield line.removeprefix('/bin/sh -c "exec ').rstrip('"').replace("%i", "access")
    for line in (EXAMPLES / "crontab").read_text("utf-8").splitlines():
        if line and not line.startswith("#") and "=" not in line.partition(" ")[0]:
            assert re.match(r"(\S+ ){4}\S+ +(lback|root) +/", line), line
            assert "%" not in line
            yield line[line.index("/usr/") :]


@pytest.mark.parametrize("line", list(_command_lines()))
def test_command_of_a_service_has_its_path_and_parses(line: str) -> None:
    program, *words = shlex.split(line.partition(" >")[0])
    assert program == PROGRAM
    length = max(n for n in range(1, len(words) + 1) if tuple(words[:n]) in COMMANDS)
    command = COMMANDS[tuple(words[:length])]
    command.make_context(words[length - 1], words[length:], obj=CliContext())
    assert not hasattr(command, "commands")


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze: apt install systemd")
    for unit in UNITS:
        # It also asks whether the program is there.
        name = unit.name.replace("@", "@access")
        (tmp_path / name).write_text(unit.read_text("utf-8").replace(PROGRAM, "/bin/true"))
    done = subprocess.run(
        [program, "verify", *(path for path in tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    own = [line for line in done.stderr.splitlines() if "lback" in line]
    assert (done.returncode, own) == (0, [])


def test_each_timer_has_its_service() -> None:
    names = {unit.name for unit in UNITS}
    assert {name.replace(".timer", ".service") for name in names if name.endswith(".timer")} < names
