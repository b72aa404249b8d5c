"""`lback db`: the database's tables."""

import typer

from lback_cli.cli.commands import Noun
from lback_cli.cli.options import runtime
from lback_cli.cli.runtime import Runtime
from lback_cli.database.schema import REVISION, SchemaStatus, initialize, schema_status, upgrade

app = Noun("db", "Set up and migrate the database.")


@app.verb("init", examples=("lback db init --database-url sqlite:////srv/app/users.db",))
def init(ctx: typer.Context) -> None:
    """Make the tables in an empty database; a database that has them is left as it is."""
    run = runtime(ctx)
    before = initialize(run.unready_database)
    done = "has its tables already" if before.state == "current" else "is ready"
    run.output.message(f"{run.unready_database.name} {done}.")
    _show(run, schema_status(run.unready_database))


@app.verb("upgrade", examples=("lback db upgrade",))
def upgrade_tables(ctx: typer.Context) -> None:
    """Bring older tables to the version that this lback needs."""
    run = runtime(ctx)
    before = upgrade(run.unready_database)
    done = "is up to date" if before.state == "current" else f"was upgraded from {before.revision} to {REVISION}"
    run.output.message(f"{run.unready_database.name} {done}.")
    _show(run, schema_status(run.unready_database))


@app.verb("status", examples=("lback db status -o json",))
def status(ctx: typer.Context) -> None:
    """Tell which database is meant and which version its tables have; exit 9 if they do not fit."""
    run = runtime(ctx)
    found = schema_status(run.unready_database)
    _show(run, found)
    found.require(run.unready_database)


def _show(run: Runtime, found: SchemaStatus) -> None:
    run.output.record(
        {
            "database": run.unready_database.name,
            "backend": run.unready_database.url.get_backend_name(),
            "state": found.state,
            "revision": found.revision,
            "needed": REVISION,
        }
    )
