"""Checks of the database: its tables, its privileges, its text and its transactions."""

from collections.abc import Iterator, Sequence

from lback_cli.database.introspection.adoption import COMPATIBILITY_IS_OFF, is_adopted
from lback_cli.database.introspection.missing_objects import missing_objects
from lback_cli.database.introspection.privileges import DeniedPrivilege, grant_statement
from lback_cli.database.introspection.text_columns import case_insensitive_keys, encoding_problems
from lback_cli.database.schema import Schema
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem
from lback_cli.relay.sinks.network import is_loopback
from lback_cli.repositories.unit_of_work import transaction


def check_database(context: CheckContext) -> CheckResult:
    """Connect to the database. Raises `DatabaseError` or `ConfigurationError`."""
    name = context.database.name
    if context.will_be_created:
        return CheckResult("database", "ok", f"{name} will be created on first use.")
    if context.schema.state == "missing":
        return CheckResult("database", "fail", f"{name} does not exist.", "Run: lback db init")
    return evaluate("database", f"{context.server.product} at {name}.", warnings=[*_unencrypted(context)])


def _unencrypted(context: CheckContext) -> Iterator[Problem]:
    host = context.server.unencrypted_host
    if host is not None and not is_loopback(host.lower()):
        yield Problem(
            f"The connection to {host} is not encrypted: others may read passwords and hashes.",
            "See TLS in docs/databases.md, unless the network is your own.",
        )


def check_schema(context: CheckContext) -> CheckResult:
    """Check the version of the tables, and that none, no column and no unique index is missing.

    Raises `SchemaError` if the tables are of another version.
    """
    if context.will_be_created or (context.database.embedded and context.schema.state in {"empty", "older"}):
        return CheckResult("schema", "ok", "The tables will be created or upgraded on first use.")
    Schema(context.database).require()
    # A server may hide a table that lback must not read.
    unreadable = {denied.table for denied in context.denied_privileges if denied.privilege == "SELECT"}
    with context.reading() as uow:
        connection = uow.session.connection()
        missing = list(missing_objects(connection, except_for=unreadable))
        adopted = not missing and is_adopted(connection)
    compatibility_is_off = adopted and not context.settings.compat.lback_framework
    return evaluate(
        "schema",
        f"Schema is up to date ({context.schema.revision}).",
        errors=missing,
        warnings=[COMPATIBILITY_IS_OFF] if compatibility_is_off else [],
    )


def check_privileges(context: CheckContext) -> CheckResult:
    """Try each kind of statement on each table; nothing is changed. Raises `DatabaseError`."""
    context.require_tables()
    server = context.server
    if server.user is None:
        return CheckResult("rights", "ok", "SQLite has no privileges to check.")
    denied = context.denied_privileges
    if any(privilege.read_only for privilege in denied) or server.read_only is not None:
        unknown = Problem("The database is read-only.", "Set database.url to one that can be written to.")
        return evaluate("rights", "", errors=[server.read_only or unknown])
    required = [privilege for privilege in denied if privilege.is_required]
    optional = [privilege for privilege in denied if not privilege.is_required]
    purpose = ", which erasing a person from the event log needs"
    return evaluate(
        "rights",
        f"{server.user} has every privilege on lback's tables that its commands need.",
        errors=list(_denied_problems(context, server.user, required)),
        warnings=list(_denied_problems(context, server.user, optional, purpose)),
    )


def check_encoding(context: CheckContext) -> CheckResult:
    """Check that every character can be stored."""
    with context.reading() as uow:
        errors, warnings = encoding_problems(uow.session.connection())
    return evaluate("encoding", "Every Unicode character can be stored.", errors=errors, warnings=warnings)


def check_collation(context: CheckContext) -> CheckResult:
    """Check that names compare byte by byte, so that every database accepts and refuses the same names."""
    with context.reading() as uow:
        insensitive = list(case_insensitive_keys(uow.session.connection()))
    keys = ", ".join(key for key, _ in insensitive)
    collations = ", ".join(dict.fromkeys(collation for _, collation in insensitive))
    problem = Problem(
        f"Different names count as equal in {keys} ({collations}).",
        "A free name may be refused as taken. Use a binary collation, such as utf8mb4_bin.",
    )
    return evaluate("collation", "Names and addresses compare byte by byte.", warnings=[problem] if insensitive else [])


def check_isolation(context: CheckContext) -> CheckResult:
    """Begin a transaction and check its isolation level. Raises `DatabaseError`."""
    context.require_tables()
    server, expected = context.server, context.database.isolation
    with transaction(context.database) as uow:
        level = uow.session.connection().get_isolation_level()
    errors = list(server.errors)
    if level != expected:
        hint = "Remove the isolation level from database.url."
        errors.append(Problem(f"Transactions run at {level} instead of {expected}.", hint))
    return evaluate("isolation", f"Transactions run at {level}.", errors=errors, warnings=server.warnings)


def _denied_problems(
    context: CheckContext, user: str, denied: Sequence[DeniedPrivilege], purpose: str = ""
) -> Iterator[Problem]:
    """Yield one problem for each set of privileges, with all tables that lack it."""
    tables: dict[str, list[str]] = {}
    for table in dict.fromkeys(privilege.table for privilege in denied):
        privileges = ", ".join(privilege.privilege for privilege in denied if privilege.table == table)
        tables.setdefault(privileges, []).append(table)
    for privileges, names in tables.items():
        statement = grant_statement(context.database.engine, privileges, names, user)
        yield Problem(f"{user} lacks {privileges} on {', '.join(names)}{purpose}.", f"Run: {statement}")
