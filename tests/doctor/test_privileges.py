"""Accounts of a server that lack privileges which lback's commands need."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_privileges
from lback_cli.doctor.result import CheckResult
from lback_cli.settings import CompatSettings

from .harness import results_of

MakeContext = Callable[..., CheckContext]

TABLES = (
    *("groups", "lback_dead_letters", "lback_event_head", "lback_events", "lback_import_jobs", "lback_mail_queue"),
    *("lback_sinks", "lback_tokens", "user_groups_association", "users"),
    *("lback_user_attributes", "lback_accounts", "lback_owned", "lback_secrets", "lback_deleted_users"),
)


class Server:
    """A database with lback's tables, and an account that may only read their version."""

    def __init__(self, owner: CheckContext, guest: Any) -> None:
        self.owner = owner
        self.user = guest.account
        self.url = guest.url
        self.on_postgresql = guest.on_postgresql
        self.execute = guest.execute
        self._guest = guest
        guest.grant("SELECT", "lback_alembic_version")

    def grant(self, privileges: str, *tables: str) -> None:
        self._guest.grant(privileges, *(tables or TABLES))
        if self.on_postgresql and not tables:
            self.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {self.user}")


@pytest.fixture(params=["postgresql", "mariadb"])
def server(
    request: pytest.FixtureRequest, make_context: MakeContext, database_on: Any, guest_on: Any
) -> Iterator[Server]:
    with database_on(request.param) as url:
        owner = make_context(url)
        with guest_on(url) as guest:
            yield Server(owner, guest)
        owner.database.dispose()


def results_for(make_context: MakeContext, url: str) -> dict[str, CheckResult]:
    return results_of(make_context(url, ready=False).settings)


def not_ok(results: dict[str, CheckResult]) -> dict[str, str]:
    return {name: result.status for name, result in results.items() if result.status != "ok"}


def test_account_with_all_privileges_passes(make_context: MakeContext, server: Server) -> None:
    server.grant("SELECT, INSERT, UPDATE, DELETE")
    results = results_for(make_context, server.url)
    assert not_ok(results) == {}
    message = f"{server.user} has every privilege on lback's tables that its commands need."
    assert results["rights"] == CheckResult("rights", "ok", message)


def test_read_only_account_fails_with_every_missing_privilege(make_context: MakeContext, server: Server) -> None:
    server.grant("SELECT")
    results = results_for(make_context, server.url)
    assert not_ok(results) == {"rights": "fail"}
    assert results["rights"].message == " ".join(
        f"{server.user} lacks {privileges} on {tables}."
        for privileges, tables in (
            (
                "INSERT, UPDATE, DELETE",
                "groups, lback_accounts, lback_dead_letters, lback_mail_queue, lback_sinks, users, lback_tokens",
            ),
            ("INSERT, DELETE", "lback_deleted_users, lback_owned, lback_user_attributes, user_groups_association"),
            ("UPDATE", "lback_event_head"),
            ("INSERT", "lback_events"),
            ("INSERT, UPDATE", "lback_import_jobs"),
        )
    ) + (f" {server.user} lacks UPDATE on lback_events, which erasing a person from the event log needs.")


@pytest.mark.parametrize(
    ("table", "privilege"), [("lback_events", "INSERT"), ("groups", "DELETE"), ("users", "UPDATE")]
)
def test_missing_privilege_fails_until_the_hint_is_followed(
    make_context: MakeContext, server: Server, table: str, privilege: str
) -> None:
    privileges = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    server.grant(", ".join(privileges), *(other for other in TABLES if other != table))
    server.grant(", ".join(other for other in privileges if other != privilege), table)
    if server.on_postgresql:
        server.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {server.user}")
    results = results_for(make_context, server.url)
    qualified = table if server.on_postgresql else f"{server.owner.database.url.database}.{table}"
    statement = f"GRANT {privilege} ON {qualified} TO {server.user}"
    assert not_ok(results) == {"rights": "fail"}
    assert results["rights"] == CheckResult(
        "rights", "fail", f"{server.user} lacks {privilege} on {table}.", f"Run: {statement}"
    )
    server.execute(statement)
    assert not_ok(results_for(make_context, server.url)) == {}


def test_checks_that_need_an_unreadable_table_are_skipped(make_context: MakeContext, server: Server) -> None:
    server.grant("SELECT, INSERT, UPDATE, DELETE", *(table for table in TABLES if table != "lback_events"))
    server.grant("INSERT, UPDATE", "lback_events")
    if server.on_postgresql:
        server.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {server.user}")
    results = results_for(make_context, server.url)
    assert not_ok(results) == {"rights": "fail", "clock": "skipped", "events": "skipped", "delivery": "skipped"}
    assert results["rights"].message == f"{server.user} lacks SELECT on lback_events."
    assert results["events"].message == "Not checked: lback may not read lback_events."


@pytest.mark.parametrize(
    ("table", "granted", "status", "message"),
    [
        (
            "lback_events",
            "SELECT, INSERT",
            "warn",
            "lacks UPDATE on lback_events, which erasing a person from the event log needs",
        ),
        ("groups", None, "fail", "lacks SELECT, INSERT, UPDATE, DELETE on groups"),
    ],
)
def test_privilege_that_only_erasure_needs_warns_and_any_other_fails(
    make_context: MakeContext, server: Server, *, table: str, granted: str | None, status: str, message: str
) -> None:
    server.grant("SELECT, INSERT, UPDATE, DELETE", *(other for other in TABLES if other != table))
    if granted is not None:
        server.grant(granted, table)
    if server.on_postgresql:
        server.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {server.user}")
    results = results_for(make_context, server.url)
    assert not_ok(results) == {"rights": status}
    assert results["rights"].message == f"{server.user} {message}."


def test_missing_privilege_on_sequences_fails(make_context: MakeContext, postgresql_url: str, guest_on: Any) -> None:
    owner = make_context(postgresql_url)
    with guest_on(postgresql_url) as guest:
        server = Server(owner, guest)
        server.grant("SELECT, INSERT, UPDATE, DELETE", *TABLES)
        found = check_privileges(make_context(server.url, ready=False))
    sequences = "public.groups_id_seq, public.lback_mail_queue_id_seq, public.users_id_seq, public.lback_tokens_id_seq"
    assert found == CheckResult(
        "rights",
        "fail",
        f"{server.user} lacks USAGE on {sequences}.",
        f"Run: GRANT USAGE ON SEQUENCE {sequences} TO {server.user}",
    )


def test_read_only_transactions_fail_with_the_setting(make_context: MakeContext, mariadb_url: str) -> None:
    make_context(mariadb_url)
    results = results_for(make_context, f"{mariadb_url}&init_command=set%20tx_read_only%3D1")
    assert not_ok(results) == {"rights": "fail"}
    assert results["rights"] == CheckResult(
        "rights",
        "fail",
        "The database is read-only for this user (tx_read_only).",
        "Remove tx_read_only from database.url, or run: SET GLOBAL tx_read_only = OFF",
    )


def test_checks_change_nothing_on_a_server(
    make_context: MakeContext, server: Server, register: Callable[[CheckContext, str], None]
) -> None:
    register(server.owner, "alice")
    before = results_for(make_context, server.owner.settings.database.url)["events"]
    register(server.owner, "bob")
    with server.owner.reading() as uow:
        assert [user.id for user in map(uow.users.get, (1, 2)) if user is not None] == [1, 2]
    assert before.message == "The event log ends with event 2, as its head says."


def test_tables_of_an_application_are_tried_only_beside_it(make_context: MakeContext, server: Server) -> None:
    server.grant("SELECT, INSERT, UPDATE, DELETE")
    with server.owner.database.engine.begin() as connection:
        for definition in (
            "CREATE TABLE sessions (id VARCHAR(36) PRIMARY KEY, user_id VARCHAR(36), data TEXT)",
            "CREATE TABLE admin_users (id INTEGER PRIMARY KEY, username VARCHAR(64), email VARCHAR(254))",
        ):
            connection.exec_driver_sql(definition)
    context = make_context(server.url, ready=False)
    assert check_privileges(context).status == "ok"
    beside = make_context(server.url, ready=False, compat=CompatSettings(lback_framework=True))
    result = check_privileges(beside)
    assert result.status == "fail"
    assert result.message == (
        f"{server.user} lacks SELECT, DELETE on sessions. {server.user} lacks SELECT on admin_users."
    )
    for statement in str(result.hint).removeprefix("Run: ").split("; "):
        server.execute(statement)
    assert check_privileges(make_context(server.url, ready=False, compat=beside.settings.compat)).status == "ok"
