"""`lback user import`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lback_cli.cli.commands import Noun
from lback_cli.cli.exits import Exit
from lback_cli.cli.options import runtime
from lback_cli.cli.passwords import FromFile, FromStdin, PasswordSource
from lback_cli.cli.runtime import Runtime
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.batch.importer import Importer
    from lback_cli.batch.options import ImportOptions
    from lback_cli.batch.outcomes import Result

app = Noun()

Proof = tuple[str, PasswordSource]
"""The canary, and where its password comes from."""

FILES, RERUN, PLANS = "Files that tell what became of it", "An import that was interrupted", "Plans"


class Form(StrEnum):
    """Forms of lback's own."""

    CSV = "csv"
    JSONL = "jsonl"


class Program(StrEnum):
    """Programs whose files can be read."""

    DJANGO = "django"
    KEYCLOAK = "keycloak"
    KRATOS = "kratos"
    HTPASSWD = "htpasswd"
    SHADOW = "shadow"
    LDIF = "ldif"
    LBACK = "lback"


class IfExists(StrEnum):
    """What to do when a user name is taken."""

    FAIL = "fail"
    SKIP = "skip"
    UPDATE = "update"


class OnError(StrEnum):
    """What to do when a row fails."""

    CONTINUE = "continue"
    STOP = "stop"


class MailTo(StrEnum):
    """What users are mailed."""

    NONE = "none"
    VERIFY = "verify"
    INVITE = "invite"


@app.verb(
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
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="CSV or JSON Lines, by its name; - is standard input.")
    ] = None,
    form: Annotated[Form | None, typer.Option("--format", help="Form of the file, if its name does not tell.")] = None,
    program: Annotated[Program | None, typer.Option("--from", help="Read a file that another program wrote.")] = None,
    companion: Annotated[
        Path | None,
        typer.Option("--companion", help="The second file to --from shadow: passwd.", metavar="PATH"),
    ] = None,
    email_domain: Annotated[
        str | None,
        typer.Option("--email-domain", help="Where addresses are missing: alice is alice@DOMAIN.", metavar="DOMAIN"),
    ] = None,
    if_exists: Annotated[
        IfExists,
        typer.Option("--if-exists", help="When a user name is taken: refuse the row, skip it, or update the user."),
    ] = IfExists.FAIL,
    overwrite_passwords: Annotated[
        bool, typer.Option("--overwrite-passwords", help="An update may replace passwords too.")
    ] = False,
    on_error: Annotated[
        OnError, typer.Option("--on-error", help="When a row is refused: go on with the next, or stop.")
    ] = OnError.CONTINUE,
    atomic: Annotated[bool, typer.Option("--atomic", help="Import all rows or, if one is refused, none.")] = False,
    mail: Annotated[
        MailTo,
        typer.Option(
            "--mail",
            help="invite: a link that sets a password, to those without one; verify: also a link that verifies the "
            "address, to the others; none.",
        ),
    ] = MailTo.INVITE,
    generate_passwords: Annotated[
        Path | None,
        typer.Option(
            "--generate-passwords",
            help="Make up passwords where there are none, and write them to this new file.",
            metavar="PATH",
            rich_help_panel=FILES,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Write what became of each row, as JSON Lines.", metavar="PATH", rich_help_panel=FILES
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects",
            help="Write the refused rows, each with its error, to be mended and imported.",
            metavar="PATH",
            rich_help_panel=FILES,
        ),
    ] = None,
    canary: Annotated[
        str | None,
        typer.Option(
            "--canary",
            help="Ask for the password of this user, and import nothing unless the hash in the file is one of it.",
            metavar="USER",
        ),
    ] = None,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where it was interrupted.", rich_help_panel=RERUN)
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget it, and begin with the first row.", rich_help_panel=RERUN)
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be done, and do nothing.", rich_help_panel=PLANS)
    ] = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan-file", help="Write the plan to this file too.", metavar="PATH", rich_help_panel=PLANS),
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option(
            "--apply",
            help="Do exactly what that plan says, or nothing if anything has changed since.",
            metavar="PLAN",
            rich_help_panel=PLANS,
        ),
    ] = None,
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
    if [wants_plan, apply is not None, resume, restart].count(True) > 1:
        raise UsageError("Use one of --plan, --apply, --resume and --restart.")
    if apply is not None:
        _apply(run, apply, file, chosen, files, proof)
    elif file is None:
        raise UsageError("Name the FILE to import, or - for standard input.")
    elif wants_plan:
        _plan(run, file, _options(file, **chosen, **files), plan_file, proof)
    else:
        options = _options(file, **chosen, **files)
        _show(run, _importer(run, proof).run(file, options, resume=resume, restart=restart))


def _importer(run: Runtime, proof: Proof | None) -> "Importer":
    from lback_cli.batch.canary import Canary
    from lback_cli.cli.progress import ImportProgress

    canary = None if proof is None else Canary(proof[0], proof[1].read())
    return run.importer(ImportProgress(run), canary)


def _plan(run: Runtime, file: str, options: "ImportOptions", path: Path | None, proof: Proof | None) -> None:
    from lback_cli.batch.plan import PlanWriter

    writer = PlanWriter(run.services.hasher, path)
    found = _importer(run, proof).plan(file, options, writer)
    run.output.message("This is what would be done; nothing was.")
    run.output.record(writer.summary)
    if found.counts.failed:
        raise typer.Exit(Exit.PARTLY_FAILED)


def _apply(
    run: Runtime, path: Path, file: str | None, chosen: dict[str, Any], files: dict[str, Any], proof: Proof | None
) -> None:
    from dataclasses import replace

    from lback_cli.batch.plan import Plan

    defaults = {"if_exists": IfExists.FAIL, "on_error": OnError.CONTINUE, "mail": MailTo.INVITE}
    given = [name for name, value in chosen.items() if value not in (None, False, defaults.get(name))]
    if file is not None or given:
        raise UsageError("--apply takes the file and what to do with it from the plan.", hint="Leave them out.")
    plan = Plan(path)
    options = replace(plan.options, **{name: value for name, value in files.items() if value is not None})
    if (options.passwords is None) != (plan.options.passwords is None):
        raise UsageError("The plan makes up no passwords.", hint="Make another with --generate-passwords.")
    _show(run, _importer(run, proof).apply(plan, options))


def _show(run: Runtime, result: "Result") -> None:
    counts = result.counts
    messages = {
        "done": "Imported." if counts.total else "The file has no rows.",
        "stopped": f"Stopped at line {result.last_line}; the rows behind it were not looked at.",
        "rolled_back": "Nothing was imported, as rows were refused.",
        "finished": "This import was finished before.",
    }
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
        raise typer.Exit(Exit.PARTLY_FAILED)


def _options(file: str, *, form: Form | None, program: Program | None, **given: Any) -> "ImportOptions":
    from lback_cli.batch.options import ImportOptions
    from lback_cli.batch.source import form_of

    if form is not None and program is not None:
        raise UsageError("Use one of --format and --from.")
    name = program or form
    values: dict[str, Any] = {key: value.value if isinstance(value, StrEnum) else value for key, value in given.items()}
    for key, value in values.items():
        if isinstance(value, Path):
            # The command that resumes may be run in another directory.
            values[key] = value.absolute()
    return ImportOptions(form=form_of(file) if name is None else name.value, **values)
