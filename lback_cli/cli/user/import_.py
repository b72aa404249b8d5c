"""`lback user import`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.password_input import FromFile, FromStdin, PasswordSource
from lback_cli.cli.user import import_options as option
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.canary import Canary
    from lback_cli.imports.options import ImportOptions
    from lback_cli.imports.results import Counts, ImportResult


@command(
    examples=(
        "lback user import users.csv --plan",
        "lback user import users.csv --rejects bad.csv --report report.jsonl",
        "lback user import users.csv --resume",
        "lback user import users.jsonl --if-exists update --plan-file plan",
        "lback user import --apply plan",
        "lback user import users.csv --generate-passwords new.csv --mail none",
        "lback user import users.ldif --from ldif --canary alice",
    ),
    notes=("Formats of --from", option.source_lines),
)
def import_users(
    ctx: typer.Context,
    file: option.File = None,
    file_format: option.Format = None,
    source: option.Source = None,
    companion: option.Companion = None,
    email_domain: option.EmailDomain = None,
    if_exists: option.WhenTaken = "fail",
    overwrite_passwords: option.OverwritePasswords = False,
    on_error: option.WhenRefused = "continue",
    atomic: option.Atomic = False,
    mail: option.Mailing = "invite",
    generate_passwords: option.GeneratePasswords = None,
    report: option.Report = None,
    rejects: option.Rejects = None,
    canary: option.CanaryUser = None,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    resume: option.Resume = False,
    restart: option.Restart = False,
    plan: option.ShowPlan = False,
    plan_file: option.PlanFile = None,
    apply: option.ApplyPlan = None,
) -> None:
    """Create or update many users from a file, each of them once, even if the import is interrupted."""
    context = cli_context(ctx)
    given: dict[str, Any] = {
        "companion": companion,
        "email_domain": email_domain,
        "if_exists": if_exists,
        "overwrite_passwords": overwrite_passwords,
        "on_error": on_error,
        "atomic": atomic,
        "mail": mail,
        "passwords": generate_passwords,
        "report": report,
        "rejects": rejects,
    }
    wants_plan = plan or plan_file is not None
    password = _canary_password(context, canary, file, stdin=password_stdin, path=password_file)
    _require_one_mode(wants_plan=wants_plan, apply=apply is not None, resume=resume, restart=restart)
    if apply is not None:
        if file is not None or file_format is not None or source is not None:
            raise _decided_by_plan()
        _apply(context, apply, given, _canary(canary, password), restart=restart)
        return
    if file is None:
        raise UsageError("Name the FILE to import, or - for standard input.")
    options = option.build_options(context, file, file_format, source, given)
    if wants_plan:
        _plan(context, file, options, plan_file, _canary(canary, password))
    else:
        _import(context, file, options, _canary(canary, password), resume=resume, restart=restart)


def _canary_password(
    context: CliContext, canary: str | None, file: str | None, *, stdin: bool, path: Path | None
) -> PasswordSource | None:
    """Return where the password of the canary comes from, if there is a canary."""
    if canary is None:
        if stdin or path is not None:
            raise UsageError("--password-stdin and --password-file are for --canary.")
        return None
    if stdin and file == "-":
        raise UsageError("Users and password cannot both come from standard input.", hint="Use --password-file.")
    return PasswordSource(context, stdin, path, confirm=False)


def _require_one_mode(*, wants_plan: bool, apply: bool, resume: bool, restart: bool) -> None:
    if [wants_plan, apply, resume].count(True) > 1:
        raise UsageError("Use one of --plan, --apply and --resume.")
    if restart and (wants_plan or resume):
        raise UsageError(f"--restart does not go with {'--plan' if wants_plan else '--resume'}.")


def _canary(name: str | None, password: PasswordSource | None) -> "Canary | None":
    from lback_cli.imports.canary import Canary

    return None if name is None or password is None else Canary(name, password.read())


def _import(
    context: CliContext, file: str, options: "ImportOptions", canary: "Canary | None", *, resume: bool, restart: bool
) -> None:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.input_file import absolute

    progress = ImportProgress(context, options.report)
    result = context.importer(progress, canary).run(file, options, resume=resume, restart=restart)
    _show(context, result, progress, options.command(absolute(file), "--resume"))


def _plan(context: CliContext, file: str, options: "ImportOptions", path: Path | None, canary: "Canary | None") -> None:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.plan import PlanWriter

    writer = PlanWriter(context.dependencies.hasher, path)
    result = context.importer(ImportProgress(context, options.report), canary).plan(file, options, writer)
    context.output.message("This is what would change. Nothing was changed.")
    if options.atomic and result.counts.failed:
        context.output.notice("Because rows are refused, --atomic will import nothing.")
    context.output.record(_phrased(writer.summary) if context.output.format.for_people else writer.summary)
    if result.counts.failed:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def _phrased(summary: dict[str, Any]) -> dict[str, Any]:
    """Return *summary* for a person: counts by kind become a phrase for each kind."""
    return {
        name: tuple(f"{kind} {count}" for kind, count in value.items()) or "none" if isinstance(value, dict) else value
        for name, value in summary.items()
        if value is not None
    }


def _apply(context: CliContext, path: Path, given: dict[str, Any], canary: "Canary | None", *, restart: bool) -> None:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.plan import Plan

    files = {name: given[name] for name in option.OUTPUT_FILES if given[name] is not None}
    if set(option.differing(given)) - set(files):
        raise _decided_by_plan()
    plan = Plan(path)
    options = replace(plan.options, **option.absolute_paths(files), environment=context.options_to_repeat)
    if (options.passwords is None) != (plan.options.passwords is None):
        raise UsageError("The plan generates no passwords.", hint="Make another plan with --generate-passwords.")
    progress = ImportProgress(context, options.report)
    result = context.importer(progress, canary).apply(plan, options, restart=restart)
    _show(context, result, progress, options.command(plan.path, "--resume"))


def _decided_by_plan() -> UsageError:
    return UsageError("--apply takes the file and its options from the plan.", hint="Leave them out.")


def _show(context: CliContext, result: "ImportResult", progress: "ImportProgress", resume: str) -> None:
    """Show the result. *resume* is the command that continues after a refused row that stopped the import."""
    counts = result.counts
    if result.state == "stopped":
        progress.stopped(resume)
    messages = {
        "done": _message(counts),
        "rolled_back": "Nothing was imported, because rows were refused.",
        "finished": "This import is already finished.",
    }
    if result.state in messages:
        context.output.message(messages[result.state])
    context.output.record(
        {
            "created": counts.created,
            "updated": counts.updated,
            "skipped": counts.skipped,
            "failed": counts.failed,
            "total": counts.total,
            "job": result.job,
        }
    )
    if counts.failed:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def _message(counts: "Counts") -> str:
    imported = counts.created + counts.updated
    if not counts.total:
        return "The file has no rows."
    if not imported:
        return "Nothing was imported."
    return f"Imported {imported} of {counts.total} rows." if counts.failed else "Imported."
