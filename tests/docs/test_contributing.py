"""The examples of CONTRIBUTING.md do what the page says."""

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lback_cli.relay.sinks.base import Message
from lback_cli.settings import SinkSettings

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")


def _example(name: str) -> Any:
    """The class *name* of the page's example."""
    block = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if f"class {name}" in code)
    namespace: dict[str, Any] = {}
    exec(block, namespace)
    return namespace[name]


def test_the_sink_appends_each_event(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    sink = _example("FileSink")("audit", SinkSettings(url=f"file://{file}"))

    for seq in (1, 2):
        sink.send(Message(seq, f"id-{seq}", "user_deleted", "dev.lback.user_deleted.v1", b'{"sequence": %d}' % seq))
    sink.idle()
    sink.close()

    assert file.read_text() == '{"sequence": 1}\n{"sequence": 2}\n'


def test_the_source_yields_users_and_broken_rows() -> None:
    accounts = b'[{"login": "ann", "mail": "ann@example.org"},\n 7]'
    rows = list(_example("Portal")().read(io.BytesIO(accounts)))
    assert [(row.line, row.username, row.email) for row in rows[:1]] == [(1, "ann", "ann@example.org")]
    assert [(row.line, str(row.error)) for row in rows[1:]] == [(2, "Record 2 is not an account.")]


def test_the_format_writes_a_table() -> None:
    out = io.StringIO()
    format_ = _example("MarkdownFormat")(out)

    format_.records([{"id": 1, "name": "ann"}, {"id": 2, "name": "bob"}], ["name"])
    format_.record({"id": 3, "note": "a|b\x1b[2J", "groups": ["staff", "guests"]})

    assert out.getvalue() == (
        "| name |\n|---|\n| ann |\n| bob |\n"
        "| id | note | groups |\n|---|---|---|\n| 3 | a\\|b\\x1b[2J | staff, guests |\n"
    )


def test_the_report_counts_users() -> None:
    users = [SimpleNamespace(email=email) for email in ("ann@b.example", "bob@a.example", "cay@b.example")]
    source = SimpleNamespace(found=SimpleNamespace(users=SimpleNamespace(select=lambda _query: users)))
    rows = [{"domain": "a.example", "users": 1}, {"domain": "b.example", "users": 2}]
    assert list(_example("Domains")(source).records()) == rows
