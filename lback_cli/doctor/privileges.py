"""Whether the database's server lets lback do what its commands do."""

from collections.abc import Iterator, Sequence

from lback_cli.database.introspection.privileges import DeniedPrivilege, grant_statement
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem


def check_rights(patient: CheckContext) -> CheckResult:
    """Try every kind of statement on every table, on no row; all is rolled back. Raises `DatabaseError`."""
    patient.require_tables()
    facts = patient.facts
    if facts.user is None:
        return CheckResult("rights", "ok", "A file has no rights but its modes.")
    refused = patient.refusals
    if any(refusal.read_only for refusal in refused) or facts.read_only is not None:
        unknown = Problem("The database only can be read.", "Name one in database.url that can be written to.")
        return evaluate("rights", "", problems=[facts.read_only or unknown])
    good = f"{facts.user} has the rights on lback's tables that its commands need."
    serious = [refusal for refusal in refused if refusal.serious]
    others = [refusal for refusal in refused if not refusal.serious]
    what = ", which erasing a person from the event log takes"
    return evaluate(
        "rights",
        good,
        problems=list(_concerns(patient, facts.user, serious)),
        weaknesses=list(_concerns(patient, facts.user, others, what)),
    )


def _concerns(
    patient: CheckContext, user: str, refused: Sequence[DeniedPrivilege], what: str = ""
) -> Iterator[Problem]:
    """One for each set of rights that some tables lack."""
    lacking: dict[str, list[str]] = {}
    for name in dict.fromkeys(refusal.table for refusal in refused):
        rights = ", ".join(refusal.right for refusal in refused if refusal.table == name)
        lacking.setdefault(rights, []).append(name)
    for rights, names in lacking.items():
        statement = grant_statement(patient.database.engine, rights, names, user)
        yield Problem(f"{user} lacks {rights} on {', '.join(names)}{what}.", f"Run: {statement}")
