"""A shell script that provisions accounts, run twice."""

import json
import subprocess
from pathlib import Path
from typing import Any

SCRIPT = """\
set -euo pipefail
while IFS=, read -r name email group; do
    printf '%s\\n' "correct ponies staple $name" |
        lback user register "$name" --email "$email" --group "$group" --verified \\
            --password-stdin --if-exists skip -o jsonl
done < accounts.csv > result.jsonl
test "$(lback user list --limit 0 -o csv | tail -n +2 | wc -l)" -eq 6
"""


def test_a_provisioning_script_can_run_twice(lback: Any) -> None:
    directory: Path = lback.directory
    names = [f"user{number}" for number in range(6)]
    (directory / "accounts.csv").write_text(
        "".join(
            f"{name},{name}@example.org,{'staff' if number % 2 else 'guests'}\n" for number, name in enumerate(names)
        )
    )
    trace = directory / "trace"
    for group in ("staff", "guests"):
        assert lback("group", "create", group, "-q").status == 0

    def run() -> tuple["subprocess.CompletedProcess[str]", list[dict[str, Any]]]:
        done = subprocess.run(
            ["bash", "-c", SCRIPT.replace("-o jsonl", f"-o jsonl --trace-format json --trace-file {trace}")],
            env=lback.environment,
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        return done, [json.loads(line) for line in (directory / "result.jsonl").read_text().splitlines()]

    first, created = run()
    assert first.returncode == 0, first.stderr
    assert first.stderr.splitlines() == [f"Registered {name}." for name in names]
    assert [user["username"] for user in created] == names
    assert created[1]["groups"] == ["basic_user", "staff"]
    traced = trace.read_text()
    assert traced.count('"user_registered"') == 6

    second, found = run()
    assert second.returncode == 0, second.stderr
    assert second.stderr.splitlines() == [f"{name} already exists: skipped." for name in names]
    assert {user.pop("outcome") for user in created} == {"created"}
    assert {user.pop("outcome") for user in found} == {"skipped"}
    assert found == created, "nothing changed"
    assert trace.read_text() == traced, "no signal was sent"
