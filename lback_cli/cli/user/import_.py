"""`lback user import`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.password_input import FromFile, FromStdin, PasswordSource
from lback_cli.cli.user import import_options as option
from lback_cli.cli.user.attributes import assigned
from lback_cli.cli.user.import_result import show_inspection, show_plan, show_result
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.imports.canary import Canary
    from lback_cli.imports.options import FileFormat, ImportOptions


@command(
    examples={
        "Show what would change": "lback user import users.csv --plan",
        "Import, and write the refused rows and all outcomes to files": (
            "lback user import users.csv --rejects bad.csv --report report.jsonl"
        ),
        "Continue after an interruption": "lback user import users.csv --resume",
        "Write a plan that also updates users, to be reviewed": (
            "lback user import users.jsonl --if-exists update --plan-file plan"
        ),
        "Make exactly the changes of the plan": "lback user import --apply plan",
        "Generate passwords, and send no mail": "lback user import users.csv --generate-passwords new.csv --mail none",
        "Read an LDAP directory, and check one password first": (
            "lback user import users.ldif --from ldif --canary alice"
        ),
        "Show the columns of a table, and the command that imports it": "lback user import hr.csv --inspect",
        "Say which columns are the name and the address": (
            "lback user import hr.csv --map username=Login,email=Mail --ignore all --plan"
        ),
    },
    notes={"Formats of --from": option.source_lines},
)
def import_users(
    ctx: typer.Context,
    file: option.File = None,
    file_format: option.Format = None,
    source: option.Source = None,
    companion: option.Companion = None,
    email_domain: option.EmailDomain = None,
    username_from: option.UsernameFrom = None,
    map_group: option.MapGroup = None,
    create_groups: option.CreateGroups = False,
    assume_verified: option.AssumeVerified = False,
    assignments: option.SetForAll = None,
    if_exists: option.WhenTaken = "fail",
    overwrite_passwords: option.OverwritePasswords = False,
    on_error: option.WhenRefused = "continue",
    atomic: option.Atomic = False,
    mail: option.Mailing = "invite",
    inspect: option.Inspect = False,
    guess: option.Guess = False,
    mapped: option.Map = None,
    map_file: option.MapFile = None,
    ignore: option.Ignore = None,
    delimiter: option.Delimiter = None,
    encoding: option.Encoding = None,
    skip_lines: option.SkipLines = 0,
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
    """Create or update users from a file. An interrupted import can be resumed, and imports no row twice."""
    context = cli_context(ctx)
    given: dict[str, Any] = {
        "companion": companion,
        "email_domain": email_domain,
        "username_from": username_from,
        "group_map": option.group_map(map_group),
        "create_groups": create_groups,
        "assume_verified": assume_verified,
        "attributes": tuple(assigned(assignments, lambda: context.attributes).items()),
        **option.table_options(mapped, map_file, ignore, delimiter, encoding),
        "skip_lines": skip_lines,
        "guess": guess,
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
    _require_one_mode(wants_plan=wants_plan, apply=apply is not None, resume=resume, restart=restart, inspect=inspect)
    if apply is not None:
        if file is not None or file_format is not None or source is not None:
            raise _decided_by_plan()
        _apply(context, apply, given, _canary(canary, password), restart=restart)
        return
    if file is None:
        raise UsageError("Name the FILE to import, or - for standard input.")
    if inspect:
        _inspect(context, file, file_format, source, given)
        return
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
    return PasswordSource(context, stdin, path, new=False)


def _require_one_mode(*, wants_plan: bool, apply: bool, resume: bool, restart: bool, inspect: bool) -> None:
    if [wants_plan, apply, resume, inspect].count(True) > 1:
        raise UsageError("Use one of --plan, --apply, --resume and --inspect.")
    if restart and (wants_plan or resume):
        raise UsageError(f"--restart does not go with {'--plan' if wants_plan else '--resume'}.")


def _canary(name: str | None, password: PasswordSource | None) -> "Canary | None":
    from lback_cli.imports.canary import Canary

    return None if name is None or password is None else Canary(name, password.read(name))


def _import(
    context: CliContext, file: str, options: "ImportOptions", canary: "Canary | None", *, resume: bool, restart: bool
) -> None:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.input_opening import absolute

    progress = ImportProgress(context, options.report)
    result = context.importer(progress, canary).run(file, options, resume=resume, restart=restart)
    if result.state == "stopped":
        progress.stopped(options.command(absolute(file), "--resume"))
    show_result(context, result, options)


def _plan(context: CliContext, file: str, options: "ImportOptions", path: Path | None, canary: "Canary | None") -> None:
    from lback_cli.cli.user.import_progress import ImportProgress
    from lback_cli.imports.plan import PlanWriter

    writer = PlanWriter(context.dependencies.hasher, path)
    result = context.importer(ImportProgress(context, options.report), canary).plan(file, options, writer)
    show_plan(context, result, writer, options)


def _inspect(
    context: CliContext, file: str, file_format: "FileFormat | None", source: str | None, given: dict[str, Any]
) -> None:
    from lback_cli.imports.inspection import inspect_input

    is_named = file_format is not None or source is not None
    options = option.build_options(context, file, file_format if is_named else "csv", source, given)
    inspection = inspect_input(file, options, context.dependencies, context.existing_groups, is_named=is_named)
    show_inspection(context, inspection)


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
    if result.state == "stopped":
        progress.stopped(options.command(plan.path, "--resume"))
    show_result(context, result, options)


def _decided_by_plan() -> UsageError:
    return UsageError("--apply takes the file and its options from the plan.", hint="Leave them out.")
