"""Users of a server who may do less than lback's commands do."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.privileges import check_rights
from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import Doctor

Admit = Callable[..., CheckContext]

TABLES = (
    *("groups", "lback_dead_letters", "lback_event_head", "lback_events", "lback_import_jobs", "lback_mail_queue"),
    *("lback_sinks", "lback_tokens", "user_groups_association", "users"),
)


class Server:
    """A database with lback's tables, and a user of its own who may read the version of the tables."""

    def __init__(self, owner: CheckContext, guest: Any) -> None:
        self.owner = owner
        self.user = guest.account
        self.url = guest.url
        self.on_postgresql = guest.on_postgresql
        self.execute = guest.execute
        self._guest = guest
        guest.grant("SELECT", "lback_alembic_version")

    def grant(self, rights: str, *tables: str) -> None:
        self._guest.grant(rights, *(tables or TABLES))
        if self.on_postgresql and not tables:
            self.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {self.user}")


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, admit: Admit, database_on: Any, guest_on: Any) -> Iterator[Server]:
    with database_on(request.param) as url:
        owner = admit(url)
        with guest_on(url) as guest:
            yield Server(owner, guest)
        owner.database.dispose()


def examined(admit: Admit, url: str) -> dict[str, CheckResult]:
    settings = admit(url, ready=False).settings
    return {finding.check: finding for finding in Doctor(lambda: settings).run_checks()}


def unwell(findings: dict[str, CheckResult]) -> dict[str, str]:
    return {name: finding.status for name, finding in findings.items() if finding.status != "ok"}


def test_a_user_with_the_rights_of_the_commands_is_well(admit: Admit, server: Server) -> None:
    server.grant("SELECT, INSERT, UPDATE, DELETE")
    found = examined(admit, server.url)
    assert unwell(found) == {}
    message = f"{server.user} has the rights on lback's tables that its commands need."
    assert found["rights"] == CheckResult("rights", "ok", message)


def test_a_user_who_only_may_read_fails_with_every_table_and_right(admit: Admit, server: Server) -> None:
    server.grant("SELECT")
    found = examined(admit, server.url)
    assert unwell(found) == {"rights": "fail"}
    assert found["rights"].message == " ".join(
        f"{server.user} lacks {rights} on {tables}."
        for rights, tables in (
            ("INSERT, UPDATE, DELETE", "groups, lback_dead_letters, lback_mail_queue, users, lback_tokens"),
            ("UPDATE", "lback_event_head"),
            ("INSERT", "lback_events"),
            ("INSERT, UPDATE", "lback_import_jobs, lback_sinks"),
            ("INSERT, DELETE", "user_groups_association"),
        )
    ) + (f" {server.user} lacks UPDATE on lback_events, which erasing a person from the event log takes.")


@pytest.mark.parametrize(("table", "right"), [("lback_events", "INSERT"), ("groups", "DELETE"), ("users", "UPDATE")])
def test_the_one_right_that_is_lacking_is_named_with_the_grant_that_mends_it(
    admit: Admit, server: Server, table: str, right: str
) -> None:
    every = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    server.grant(", ".join(every), *(other for other in TABLES if other != table))
    server.grant(", ".join(one for one in every if one != right), table)
    if server.on_postgresql:
        server.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {server.user}")
    found = examined(admit, server.url)
    place = table if server.on_postgresql else f"{server.owner.database.url.database}.{table}"
    statement = f"GRANT {right} ON {place} TO {server.user}"
    assert unwell(found) == {"rights": "fail"}
    assert found["rights"] == CheckResult(
        "rights", "fail", f"{server.user} lacks {right} on {table}.", f"Run: {statement}"
    )
    server.execute(statement)
    assert unwell(examined(admit, server.url)) == {}


def test_what_may_not_be_read_is_not_looked_into(admit: Admit, server: Server) -> None:
    server.grant("SELECT, INSERT, UPDATE, DELETE", *(table for table in TABLES if table != "lback_events"))
    server.grant("INSERT, UPDATE", "lback_events")
    if server.on_postgresql:
        server.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {server.user}")
    found = examined(admit, server.url)
    assert unwell(found) == {"rights": "fail", "clock": "skipped", "events": "skipped"}
    assert found["rights"].message == f"{server.user} lacks SELECT on lback_events."
    assert found["events"].message == "Not checked, as lback may not read lback_events."


@pytest.mark.parametrize(
    ("table", "rights", "status", "lacking"),
    [
        (
            "lback_events",
            "SELECT, INSERT",
            "warn",
            "UPDATE on lback_events, which erasing a person from the event log takes",
        ),
        ("groups", None, "fail", "SELECT, INSERT, UPDATE, DELETE on groups"),
    ],
)
def test_what_is_withheld_is_told_with_what_that_costs(
    admit: Admit, server: Server, *, table: str, rights: str | None, status: str, lacking: str
) -> None:
    server.grant("SELECT, INSERT, UPDATE, DELETE", *(other for other in TABLES if other != table))
    if rights is not None:
        server.grant(rights, table)
    if server.on_postgresql:
        server.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {server.user}")
    found = examined(admit, server.url)
    assert unwell(found) == {"rights": status}
    assert found["rights"].message == f"{server.user} lacks {lacking}."


def test_the_numbers_of_rows_take_a_right_too(admit: Admit, postgresql_url: str, guest_on: Any) -> None:
    owner = admit(postgresql_url)
    with guest_on(postgresql_url) as guest:
        server = Server(owner, guest)
        server.grant("SELECT, INSERT, UPDATE, DELETE", *TABLES)
        found = check_rights(admit(server.url, ready=False))
    sequences = "public.groups_id_seq, public.lback_mail_queue_id_seq, public.users_id_seq, public.lback_tokens_id_seq"
    assert found == CheckResult(
        "rights",
        "fail",
        f"{server.user} lacks USAGE on {sequences}.",
        f"Run: GRANT USAGE ON SEQUENCE {sequences} TO {server.user}",
    )


def test_transactions_that_only_may_read_fail_with_the_setting(admit: Admit, mariadb_url: str) -> None:
    admit(mariadb_url)
    found = examined(admit, f"{mariadb_url}&init_command=set%20tx_read_only%3D1")
    assert unwell(found) == {"rights": "fail"}
    assert found["rights"] == CheckResult(
        "rights",
        "fail",
        "The database lets this user only read (tx_read_only).",
        "Take tx_read_only out of database.url, or run: SET GLOBAL tx_read_only = OFF",
    )


def test_trying_changes_nothing(admit: Admit, server: Server, register: Callable[[CheckContext, str], None]) -> None:
    register(server.owner, "alice")
    before = examined(admit, server.owner.settings.database.url)["events"]
    register(server.owner, "bob")
    with server.owner.reading() as work:
        assert [user.id for user in map(work.users.get, (1, 2)) if user is not None] == [1, 2]
    assert before.message == "The log ends with event 1, as its head says."
