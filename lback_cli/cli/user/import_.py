"""`lback user import`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.context import CliContext
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.global_options import runtime
from lback_cli.cli.password_input import FromFile, FromStdin, PasswordSource
from lback_cli.cli.user import import_options as option
from lback_cli.cli.user.import_options import Form, IfExists, MailTo, OnError, Program
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.importer import Importer
    from lback_cli.imports.options import ImportOptions
    from lback_cli.imports.results import Counts, Result

app = CommandGroup()

Proof = tuple[str, PasswordSource]
"""The canary, and where its password comes from."""


@app.command(
    "import",
    examples=(
        "lback user import users.csv --plan",
        "lback user import users.csv --rejects bad.csv --report report.jsonl",
        "lback user import users.csv --resume",
        "lback user import users.jsonl --if-exists update --plan-file plan",
        "lback user import --apply plan",
        "lback user import users.csv --generate-passwords new.csv --mail none",
        "lback user import users.ldif --from ldif --canary alice",
    ),
)
def import_users(
    ctx: typer.Context,
    file: option.File = None,
    form: option.Format = None,
    program: option.From = None,
    companion: option.Companion = None,
    email_domain: option.EmailDomain = None,
    if_exists: option.WhenTaken = IfExists.FAIL,
    overwrite_passwords: option.OverwritePasswords = False,
    on_error: option.WhenRefused = OnError.CONTINUE,
    atomic: option.Atomic = False,
    mail: option.Mailing = MailTo.INVITE,
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
    """Create or update many users from a file, each of them once, however often it is interrupted."""
    run = runtime(ctx)
    chosen: dict[str, Any] = {
        "form": form,
        "program": program,
        "if_exists": if_exists,
        "on_error": on_error,
        "atomic": atomic,
        "mail": mail,
        "overwrite_passwords": overwrite_passwords,
        "companion": companion,
        "email_domain": email_domain,
    }
    files: dict[str, Any] = {"report": report, "rejects": rejects, "passwords": generate_passwords}
    proof = None if canary is None else (canary, PasswordSource(run, password_stdin, password_file, confirm=False))
    if proof is None and (password_stdin or password_file is not None):
        raise UsageError("--password-stdin and --password-file are for --canary.")
    if proof is not None and password_stdin and file == "-":
        raise UsageError("Users and password cannot both come from standard input.", hint="Use --password-file.")
    wants_plan = plan or plan_file is not None
    if [wants_plan, apply is not None, resume].count(True) > 1:
        raise UsageError("Use one of --plan, --apply and --resume.")
    if restart and (wants_plan or resume):
        raise UsageError(f"--restart does not go with {'--plan' if wants_plan else '--resume'}.")
    if apply is not None:
        _apply(run, apply, file, chosen, files, proof, restart=restart)
    elif file is None:
        raise UsageError("Name the FILE to import, or - for standard input.")
    elif wants_plan:
        _plan(run, file, _options(run, file, **chosen, **files), plan_file, proof)
    else:
        _import(run, file, _options(run, file, **chosen, **files), proof, resume=resume, restart=restart)


def _importer(run: CliContext, progress: "ImportProgress", proof: Proof | None) -> "Importer":
    from lback_cli.imports.canary import Canary

    canary = None if proof is None else Canary(proof[0], proof[1].read())
    return run.importer(progress, canary)


def _import(
    run: CliContext, file: str, options: "ImportOptions", proof: Proof | None, *, resume: bool, restart: bool
) -> None:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.input_file import absolute

    progress = ImportProgress(run, options.report)
    result = _importer(run, progress, proof).run(file, options, resume=resume, restart=restart)
    _show(run, result, progress, options.command(absolute(file), "--resume"))


def _plan(run: CliContext, file: str, options: "ImportOptions", path: Path | None, proof: Proof | None) -> None:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.plan import PlanWriter

    writer = PlanWriter(run.services.hasher, path)
    found = _importer(run, ImportProgress(run, options.report), proof).plan(file, options, writer)
    run.output.message("This is what would be done; nothing was.")
    if options.atomic and found.counts.failed:
        run.output.warning("As rows are refused, --atomic will import nothing.")
    run.output.record(_phrased(writer.summary) if run.output.form == "table" else writer.summary)
    if found.counts.failed:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def _phrased(summary: dict[str, Any]) -> dict[str, Any]:
    """*summary* for a person: what is counted by its kind has a line for each kind."""
    return {
        name: tuple(f"{kind} {count}" for kind, count in value.items()) or "none" if isinstance(value, dict) else value
        for name, value in summary.items()
        if value is not None
    }


def _apply(
    run: CliContext,
    path: Path,
    file: str | None,
    chosen: dict[str, Any],
    files: dict[str, Any],
    proof: Proof | None,
    *,
    restart: bool,
) -> None:
    from dataclasses import replace

    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.plan import Plan

    defaults = {"if_exists": IfExists.FAIL, "on_error": OnError.CONTINUE, "mail": MailTo.INVITE}
    given = [name for name, value in chosen.items() if value not in (None, False, defaults.get(name))]
    if file is not None or given:
        raise UsageError("--apply takes the file and what to do with it from the plan.", hint="Leave them out.")
    plan = Plan(path)
    given_files = {name: value.absolute() for name, value in files.items() if value is not None}
    options = replace(plan.options, **given_files, environment=run.environment)
    if (options.passwords is None) != (plan.options.passwords is None):
        raise UsageError("The plan makes up no passwords.", hint="Make another with --generate-passwords.")
    progress = ImportProgress(run, options.report)
    result = _importer(run, progress, proof).apply(plan, options, restart=restart)
    _show(run, result, progress, options.command(plan.path, "--resume"))


def _show(run: CliContext, result: "Result", progress: "ImportProgress", resume: str) -> None:
    """Show how it ended; *resume* is the command that goes on behind a refused row that stopped it."""
    counts = result.counts
    if result.state == "stopped":
        progress.stopped(resume)
    messages = {
        "done": _told(counts),
        "rolled_back": "Nothing was imported, as rows were refused.",
        "finished": "This import was finished before.",
    }
    if result.state in messages:
        run.output.message(messages[result.state])
    run.output.record(
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


def _told(counts: "Counts") -> str:
    imported = counts.created + counts.updated
    if not counts.total:
        return "The file has no rows."
    if not imported:
        return "Nothing was imported."
    return f"Imported {imported} of {counts.total} rows." if counts.failed else "Imported."


def _options(
    run: CliContext, file: str, *, form: Form | None, program: Program | None, **given: Any
) -> "ImportOptions":
    from lback_cli.imports.input_file import detect_format
    from lback_cli.imports.options import ImportOptions

    if form is not None and program is not None:
        raise UsageError("Use one of --format and --from.")
    name = program or form
    values: dict[str, Any] = {key: value.value if isinstance(value, StrEnum) else value for key, value in given.items()}
    for key, value in values.items():
        if isinstance(value, Path):
            # The command that resumes may be run in another directory.
            values[key] = value.absolute()
    form_name = detect_format(file) if name is None else name.value
    return ImportOptions(form=form_name, environment=run.environment, **values)
