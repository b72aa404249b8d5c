"""`lback run` as a process: a coprocess that answers, the examples of the documentation, and Ctrl-C."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def people(lback: Any) -> Any:
    """Ann, who is active, and O'Hara, who is not."""
    script = (
        "user register ann --email ann@example.org --invite\n"
        'user register "o.hara" --email ohara@example.org --invite --inactive\n'
    )
    assert lback("run", "-", "-q", input=script).status == 0
    return lback


def test_an_answer_comes_before_the_next_command_is_sent(people: Any) -> None:
    process = people.start("run", "-", "-o", "jsonl", "-q", stdin=subprocess.PIPE)
    for number, name in enumerate(("ann", "o.hara"), start=1):
        process.stdin.write(f"user show {name}\n".encode())
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert (answer["line"], answer["exit"], answer["result"]["username"]) == (number, 0, name)
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0


@pytest.mark.parametrize("form", ["jsonl", "table"])
def test_an_interruption_names_the_line_and_the_rest(people: Any, tmp_path: Path, form: str) -> None:
    script = tmp_path / "a script"
    script.write_text("user exists nemo\nuser exists ann\n\nmail deliver\nuser delete ann --yes\n")
    process = people.start("run", str(script), "-k", "-o", form, "--actor", "night job")
    while b"Press Ctrl-C to stop." not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, err = (text.decode() for text in process.communicate(timeout=30))
    assert err.splitlines()[-4:] == [
        "",
        "Line 4 was interrupted. The lines before it are done, except 1, which failed.",
        f"Continue with: tail -n +4 '{script}' | lback --actor 'night job' run -",
        "Interrupted.",
    ]
    assert process.returncode == 130
    if form == "jsonl":
        answers = [json.loads(line) for line in out.splitlines()]
        assert [(answer["line"], answer["exit"]) for answer in answers] == [(1, 5), (2, 0), (4, 130)]
    assert people("user", "exists", "ann").status == 0


def test_a_line_cannot_reach_the_script_through_dev_stdin(people: Any) -> None:
    script = "user update ann --password-file /dev/stdin\nuser exists ann\n"
    process = people.start("run", "-", "-k", stdin=subprocess.PIPE)
    out, err = process.communicate(script.encode(), timeout=30)
    assert b"line 1: --password-file: cannot read /dev/stdin: Is a directory." in err
    assert b"exists  yes" in out


@pytest.mark.parametrize("interpreter", [["bash", "coprocess.sh"], [sys.executable, "coprocess.py"]])
def test_the_examples_work(people: Any, interpreter: list[str]) -> None:
    program, file = interpreter
    names = "ann\nO'Neil\no.hara\n" if program == "bash" else "ann,Ann 'A' Ünder\nO'Neil,x\n"
    done = subprocess.run(
        [program, EXAMPLES / file],
        input=names.encode(),
        env=people.environment,
        cwd=people.directory,
        capture_output=True,
        timeout=50,
        check=False,
    )
    user = people("user", "show", "ann", "-o", "json").result
    assert done.returncode == 8
    if program == "bash":
        assert done.stdout == b"ann\n"
        assert b"O'Neil: " in done.stderr
        assert user["is_active"] is False
    else:
        assert done.stdout.decode().startswith("ann: updated\nO'Neil: There is no user 'O'Neil'.")
        assert user["display_name"] == "Ann 'A' Ünder"


def test_what_a_plugin_prints_is_in_no_answer(people: Any) -> None:
    (people.directory / "loud.py").write_text(
        "from lback_cli.signals import receiver, user_update_started\n"
        "@receiver(user_update_started)\n"
        "def shout(sender, user_id, update_data):\n"
        "    print('loud')\n"
    )
    script = "user update ann --deactivate\nuser exists ann\nuser update ann --activate\n"
    variables = {"PYTHONPATH": people.directory, "LBACK_RECEIVERS_MODULES": "loud"}
    done = people("run", "-", "-q", "-o", "jsonl", input=script, **variables)
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [(answer["line"], answer["exit"]) for answer in answers] == [(1, 0), (2, 0), (3, 0)]
    assert [answer["result"].get("outcome") for answer in answers] == ["updated", None, "updated"]
    assert done.err == "loud\nloud\n"
