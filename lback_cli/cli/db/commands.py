"""`lback db`: the database's tables."""

from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.context import CliContext
from lback_cli.cli.global_options import runtime

app = CommandGroup("db", "Set up, migrate, adopt and move the database.")


@app.command("init", examples=("lback db init --database-url sqlite:////srv/app/users.db",))
def init(ctx: typer.Context) -> None:
    """Make the tables in an empty database; a database that has them is left as it is."""
    run = runtime(ctx)
    before = run.schema.initialize()
    done = "has its tables already" if before.state == "current" else "is ready"
    run.output.message(f"{run.unchecked_database.name} {done}.")
    _show(run)


@app.command("upgrade", examples=("lback db upgrade",))
def upgrade(ctx: typer.Context) -> None:
    """Bring older tables to the version that this lback needs."""
    run = runtime(ctx)
    before = run.schema.upgrade()
    done = "is up to date" if before.state == "current" else "is upgraded"
    run.output.message(f"{run.unchecked_database.name} {done}.")
    _show(run)


@app.command("adopt", examples=("lback db adopt --database-url sqlite:////srv/app/app.db",))
def adopt(ctx: typer.Context) -> None:
    """Work with the users of an lback framework's application: add lback's tables, and change none of its own.

    Exit 9 names every table and column that lback cannot work with, and nothing is changed.
    """
    run = runtime(ctx)
    found = run.schema.adopt()
    done = "has lback's tables already" if found is None else "is adopted"
    run.output.message(f"{run.unchecked_database.name} {done}.")
    for remark in () if found is None else found.remarks:
        run.output.warning(f"warning: {remark}.")
    if found is not None and not run.settings.compat.lback_framework:
        run.output.warning("While the application runs, set [compat] lback_framework = true: see docs/adoption.md.")
    _show(run)


@app.command(
    "copy",
    examples=(
        "lback db copy --to postgresql+psycopg://app@db/app --to-password-file pw",
        "lback db copy --to sqlite:////srv/app/users.db",
    ),
)
def copy(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", help="Database to copy to, empty or not there yet.", metavar="URL")],
    to_password_file: Annotated[
        Path | None, typer.Option("--to-password-file", help="File with the password for it.", metavar="PATH")
    ] = None,
) -> None:
    """Move users, groups, the event log and all else that is lback's to another database, and prove that it arrived.

    Stop what writes to the source first; it stays as it is. Exit 9 says that it changed meanwhile.

    Ids are kept. A copy that was cut off is continued by the same command.
    """
    run = runtime(ctx)
    copied = run.copy_to(to, to_password_file).run()
    run.output.message("Everything was copied: the rows agree, and so do the event logs.")
    for column in copied.left_out:
        run.output.warning(f"warning: {column} is the application's own and was not copied.")
    run.output.record(
        {
            "users": copied.rows["users"],
            "groups": copied.rows["groups"],
            "memberships": copied.rows["user_groups_association"],
            "tokens": copied.rows["lback_tokens"],
            "imports": copied.rows["lback_import_jobs"],
            "queued_mails": copied.rows["lback_mail_queue"],
            "sinks": copied.rows["lback_sinks"],
            "events": copied.events,
            "found": copied.found,
            "hash": copied.hash,
            "digest": copied.digest,
        }
    )


@app.command("status", examples=("lback db status -o json",))
def status(ctx: typer.Context) -> None:
    """Tell which database is meant and which version its tables have; exit 9 if they do not fit."""
    run = runtime(ctx)
    _show(run)
    run.schema.require()
    _warn_of_compatibility(run)


def _warn_of_compatibility(run: CliContext) -> None:
    from lback_cli.database.introspection.origin import WITHOUT_COMPATIBILITY, is_adopted

    if run.settings.compat.lback_framework:
        return
    with run.unchecked_database.reading() as session:
        adopted = is_adopted(session.connection())
    if adopted:
        run.output.warning(f"warning: {WITHOUT_COMPATIBILITY.sentence} {WITHOUT_COMPATIBILITY.remedy}")


def _show(run: CliContext) -> None:
    status = run.schema.status()
    record: dict[str, object] = {
        "database": run.unchecked_database.name,
        "backend": run.unchecked_database.url.get_backend_name(),
        "state": status.state,
        "revision": status.revision,
        "needed": status.needed,
    }
    if status.state == "foreign":
        found = run.schema.check_adoptable()
        record |= {"adoptable": found.adoptable, "obstacles": found.obstacles, "remarks": found.remarks}
    run.output.record(record)
