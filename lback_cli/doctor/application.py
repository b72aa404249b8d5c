"""Check what lback and an application of the lback framework that shares the database may do to each other."""

from collections.abc import Iterator
from pathlib import Path

from lback_cli.database.engine import Database
from lback_cli.database.introspection.adoption import is_adopted
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.migrations import unprotected
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.models.tables import ADMIN_USERS
from lback_cli.problem import Problem
from lback_cli.repositories.application_repository import ADMIN, Administrator, ApplicationRepository

_SHOWN = 5
"""Members that a message names."""


def check_application(context: CheckContext) -> CheckResult:
    """Check the application's migrations, and that it knows its administrators. Raises `DatabaseError`."""
    with context.reading() as uow:
        adopted = is_adopted(uow.session.connection())
    if not adopted and not context.settings.compat.lback_framework:
        return CheckResult("application", "ok", "No application of the lback framework shares the database.")
    errors = unprotected(project_directories(context.directory, context.database))
    warnings: list[Problem] = []
    if context.settings.compat.lback_framework:
        context.require_readable(ADMIN_USERS.name)
        with context.reading() as uow:
            administrators = ApplicationRepository(uow.session).administrators()
        errors += _mistaken(administrators)
        warnings += _unknown(administrators)
    return evaluate(
        "application",
        "The application's administrators are its own, and no migration that lback can see drops lback's tables.",
        errors=errors,
        warnings=warnings,
    )


def project_directories(current: Path, database: Database) -> list[Path]:
    """Return where the application's project may be: the current directory, and that of a SQLite file."""
    return [current.resolve(), *([database.path.resolve().parent] if database.path is not None else ())]


def _mistaken(administrators: list[Administrator]) -> Iterator[Problem]:
    for member in administrators:
        account = member.account
        if account is not None and not account.is_of(member.email):
            yield Problem(
                f"The application takes {member.username} (id {member.id}), a member of {ADMIN!r}, for its"
                f" administrator {account.username}.",
                f"Run: lback user update id:{member.id} --remove-group {ADMIN}",
            )


def _unknown(administrators: list[Administrator]) -> Iterator[Problem]:
    unknown = [member.username for member in administrators if member.account is None]
    if unknown:
        names = ", ".join(unknown[:_SHOWN]) + (f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else "")
        yield Problem(
            f"Members of {ADMIN!r} without a row of the same id in admin_users cannot use the application: {names}.",
            "See docs/adoption.md about the group admin.",
        )
