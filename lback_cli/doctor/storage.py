"""Whether the database can be reached, has the right tables, and keeps what it is given."""

from lback_cli.database.comparison import loose_keys
from lback_cli.database.schema import Schema
from lback_cli.doctor.finding import Finding, judge
from lback_cli.doctor.patient import Patient
from lback_cli.repositories.work import transaction


def check_database(patient: Patient) -> Finding:
    """Connect. Raises `DatabaseError` or `ConfigurationError`."""
    if _is_yet_to_be_made(patient):
        return Finding("database", "ok", f"{patient.database.name} will be made on first use.")
    if patient.schema.state == "missing":
        return Finding("database", "FAIL", f"{patient.database.name} does not exist.", "Run: lback db init")
    return Finding("database", "ok", f"{patient.facts.product} at {patient.database.name}.")


def check_schema(patient: Patient) -> Finding:
    """Compare the version of the tables. Raises `SchemaError` where they do not fit."""
    if _is_yet_to_be_made(patient) or (patient.database.embedded and patient.schema.state in {"empty", "older"}):
        return Finding("schema", "ok", "The tables will be made, or upgraded, on first use.")
    Schema(patient.database).require()
    return Finding("schema", "ok", f"The tables have version {patient.schema.revision}, as needed.")


def check_collation(patient: Patient) -> Finding:
    """See whether names are compared byte by byte, so that every database accepts and refuses the same ones."""
    with patient.reading() as work:
        loose = list(loose_keys(work.session.connection()))
    keys = ", ".join(key for key, _ in loose)
    collations = ", ".join(dict.fromkeys(name for _, name in loose))
    return judge(
        "collation",
        "Names and addresses are compared byte by byte.",
        weaknesses=[f"different names are taken for the same in {keys} ({collations})"] if loose else [],
        hint="Names may be refused as taken that are not. A binary collation, such as utf8mb4_bin, mends it.",
    )


def check_isolation(patient: Patient) -> Finding:
    """See whether transactions can write, at the level that they were designed for. Raises `DatabaseError`."""
    facts, wanted = patient.facts, patient.database.isolation
    with transaction(patient.database) as work:
        found = work.session.connection().get_isolation_level()
    problems = [f"the database {problem}" for problem in facts.problems]
    if found != wanted:
        problems.append(f"transactions run at {found} instead of {wanted}")
    return judge(
        "isolation",
        f"Transactions can be begun, and run at {found}.",
        problems=problems,
        weaknesses=[f"the database {weakness}" for weakness in facts.weaknesses],
        hint="See docs/operations.md.",
    )


def _is_yet_to_be_made(patient: Patient) -> bool:
    return patient.database.embedded and patient.schema.state == "missing"
