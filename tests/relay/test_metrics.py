"""`lback events metrics`: what Prometheus reads about the log, the sinks, the mail queue and locks."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

_LINE = re.compile(r'([a-z_]+)(\{sink="[a-z]+"\})? (\d+(?:\.\d+)?)')


def _values(text: str) -> dict[str, float]:
    """Return the values by metric and labels, of a text that follows the format."""
    found: dict[str, float] = {}
    described: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            described.add(line.split()[2])
        elif not line.startswith("# TYPE "):
            match = _LINE.fullmatch(line)
            assert match is not None, line
            assert match[1] in described
            found[match[1] + (match[2] or "")] = float(match[3])
    assert text.endswith("\n")
    return found


@pytest.fixture
def busy(lback: Any) -> Any:
    """Two users, three mails of whom one failed and one is dead, a locked account, and two sinks."""
    lback.environment["LBACK_EMAIL_TRANSPORT"] = "queue"
    for name in ("ann", "bob", "cay"):
        lback("user", "register", name, "--email", f"{name}@example.org", "--generate-password", "-q")
    (lback.directory / "config.toml").write_text(
        '[relay.audit]\nurl = "redis://localhost"\n[relay.crm]\nurl = "redis://localhost"\nstart = "next"\n'
    )
    later, new_year = "'2100-01-01 00:00:00.000000'", "'2026-01-01 00:00:00.000000'"
    with closing(sqlite3.connect(lback.database)) as connection, connection:
        connection.execute(f"UPDATE lback_mail_queue SET tries = 3, lease_until = {later} WHERE id = 1")
        connection.execute("UPDATE lback_mail_queue SET tries = 30, retry_at = NULL WHERE id = 2")
        connection.execute(f"UPDATE lback_mail_queue SET retry_at = {later}, queued_at = {new_year} WHERE id = 3")
        connection.execute(
            "INSERT INTO lback_sinks (name, position, owner, lease_until, failures, tries, delivered_at)"
            f" VALUES ('audit', 1, 'elsewhere:1:0:x', {later}, 5, 0, '2026-11-01 12:00:00.000000')"
        )
        connection.execute(
            "INSERT INTO lback_dead_letters (sink, seq, tries, error, given_up_at)"
            " VALUES ('audit', 1, 10, 'refused', '2026-11-01 00:00:00.000000')"
        )
        connection.execute(
            "INSERT INTO lback_accounts (key, failures, pending, locked_until, updated_at)"
            f" VALUES ('user:1', 10, 0, {later}, {new_year})"
        )
    return lback


def test_metrics_are_those_of_the_tables(busy: Any) -> None:
    finished = busy("events", "metrics")
    assert (finished.status, finished.err) == (0, ""), finished.err
    values = _values(finished.out)
    assert values.pop("lback_metrics_written_timestamp_seconds") > 1.7e9
    assert values == {
        "lback_events_total": 4,
        'lback_sink_lag_events{sink="audit"}': 3,
        'lback_sink_lag_events{sink="crm"}': 0,
        'lback_sink_failures{sink="audit"}': 5,
        'lback_sink_failures{sink="crm"}': 0,
        'lback_sink_dead_letters{sink="audit"}': 1,
        'lback_sink_dead_letters{sink="crm"}': 0,
        'lback_sink_locked{sink="audit"}': 1,
        'lback_sink_locked{sink="crm"}': 0,
        'lback_sink_configured{sink="audit"}': 1,
        'lback_sink_configured{sink="crm"}': 1,
        'lback_sink_delivered_timestamp_seconds{sink="audit"}': 1793534400,
        "lback_mail_waiting": 2,
        "lback_mail_due": 1,
        "lback_mail_failing": 1,
        "lback_mail_dead": 1,
        "lback_mail_locked": 1,
        "lback_mail_oldest_timestamp_seconds": 1767225600,
        "lback_accounts_locked": 1,
    }


def test_empty_database_has_metrics_without_labels(lback: Any) -> None:
    values = _values(lback("events", "metrics").out)
    assert values.pop("lback_metrics_written_timestamp_seconds") > 1.7e9
    assert set(values.values()) == {0}
    assert len(values) == 7


def test_file_is_replaced_as_a_whole_and_can_be_read_by_the_exporter(busy: Any, tmp_path: Path) -> None:
    path = tmp_path / "lback.prom"
    path.write_text("old")
    path.chmod(0o600)
    assert busy("events", "metrics", "--file", str(path)) == (0, "", "")
    assert _values(path.read_text())["lback_mail_dead"] == 1
    assert path.stat().st_mode & 0o777 == 0o644
    assert [file.name for file in tmp_path.glob("*lback.prom*")] == ["lback.prom"]
    assert busy("events", "metrics", "--file", "/no/such/directory/x.prom").status == 9


@pytest.mark.parametrize("service", ["postgresql", "mariadb"])
def test_metrics_on_servers(service: str, database_on: Any, lback: Any) -> None:
    with database_on(service) as url:
        assert lback("db", "init", "--database-url", url, "-q").status == 0
        values = _values(lback("events", "metrics", "--database-url", url).out)
        assert values["lback_mail_waiting"] == 0
        assert len(values) == 8
