"""Whether the database can be reached, has the right tables, and keeps what it is given."""

from lback_cli.database.introspection.collation import case_insensitive_keys
from lback_cli.database.introspection.encoding import encoding_problems
from lback_cli.database.introspection.missing_objects import missing
from lback_cli.database.introspection.origin import WITHOUT_COMPATIBILITY, is_adopted
from lback_cli.database.schema import Schema
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem
from lback_cli.repositories.unit_of_work import transaction


def check_database(patient: CheckContext) -> CheckResult:
    """Connect. Raises `DatabaseError` or `ConfigurationError`."""
    if patient.is_yet_to_be_made:
        return CheckResult("database", "ok", f"{patient.database.name} will be made on first use.")
    if patient.schema.state == "missing":
        return CheckResult("database", "fail", f"{patient.database.name} does not exist.", "Run: lback db init")
    return CheckResult("database", "ok", f"{patient.facts.product} at {patient.database.name}.")


def check_schema(patient: CheckContext) -> CheckResult:
    """Compare the version of the tables, and see whether all is there. Raises `SchemaError` where they do not fit."""
    if patient.is_yet_to_be_made or (patient.database.embedded and patient.schema.state in {"empty", "older"}):
        return CheckResult("schema", "ok", "The tables will be made, or upgraded, on first use.")
    Schema(patient.database).require()
    # A server does not let everybody look at a table that is not to be read.
    closed = {refusal.table for refusal in patient.refusals if refusal.right == "SELECT"}
    with patient.reading() as work:
        connection = work.session.connection()
        gone = list(missing(connection, except_for=closed))
        adopted = not gone and is_adopted(connection)
    good = f"The tables have version {patient.schema.revision}, as needed, and nothing of them is missing."
    alone = adopted and not patient.settings.compat.lback_framework
    weaknesses = [WITHOUT_COMPATIBILITY] if alone else []
    return evaluate("schema", good, problems=gone, weaknesses=weaknesses)


def check_encoding(patient: CheckContext) -> CheckResult:
    """See whether every character can be stored."""
    with patient.reading() as work:
        problems, weaknesses = encoding_problems(work.session.connection())
    return evaluate("encoding", "Every character of Unicode can be stored.", problems=problems, weaknesses=weaknesses)


def check_collation(patient: CheckContext) -> CheckResult:
    """See whether names are compared byte by byte, so that every database accepts and refuses the same ones."""
    with patient.reading() as work:
        loose = list(case_insensitive_keys(work.session.connection()))
    keys = ", ".join(key for key, _ in loose)
    collations = ", ".join(dict.fromkeys(name for _, name in loose))
    concern = Problem(
        f"Different names are taken for the same in {keys} ({collations}).",
        "Names may be refused as taken that are not. A binary collation, such as utf8mb4_bin, mends it.",
    )
    return evaluate(
        "collation", "Names and addresses are compared byte by byte.", weaknesses=[concern] if loose else []
    )


def check_isolation(patient: CheckContext) -> CheckResult:
    """See whether transactions can be begun, at the level that they were designed for. Raises `DatabaseError`."""
    patient.require_tables()
    facts, wanted = patient.facts, patient.database.isolation
    with transaction(patient.database) as work:
        found = work.session.connection().get_isolation_level()
    problems = list(facts.problems)
    if found != wanted:
        remedy = "Take what sets the isolation level out of database.url."
        problems.append(Problem(f"Transactions run at {found} instead of {wanted}.", remedy))
    return evaluate(
        "isolation", f"Transactions can be begun, and run at {found}.", problems=problems, weaknesses=facts.weaknesses
    )
