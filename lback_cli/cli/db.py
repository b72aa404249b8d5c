"""`lback db`: the database's tables."""

import typer

from lback_cli.cli.commands import Noun
from lback_cli.cli.options import runtime
from lback_cli.cli.runtime import Runtime

app = Noun("db", "Set up and migrate the database.")


@app.verb("init", examples=("lback db init --database-url sqlite:////srv/app/users.db",))
def init(ctx: typer.Context) -> None:
    """Make the tables in an empty database; a database that has them is left as it is."""
    run = runtime(ctx)
    before = run.schema.initialize()
    done = "has its tables already" if before.state == "current" else "is ready"
    run.output.message(f"{run.unready_database.name} {done}.")
    _show(run)


@app.verb("upgrade", examples=("lback db upgrade",))
def upgrade(ctx: typer.Context) -> None:
    """Bring older tables to the version that this lback needs."""
    run = runtime(ctx)
    before = run.schema.upgrade()
    done = "is up to date" if before.state == "current" else "is upgraded"
    run.output.message(f"{run.unready_database.name} {done}.")
    _show(run)


@app.verb("status", examples=("lback db status -o json",))
def status(ctx: typer.Context) -> None:
    """Tell which database is meant and which version its tables have; exit 9 if they do not fit."""
    run = runtime(ctx)
    _show(run)
    run.schema.require()


def _show(run: Runtime) -> None:
    status = run.schema.status()
    run.output.record(
        {
            "database": run.unready_database.name,
            "backend": run.unready_database.url.get_backend_name(),
            "state": status.state,
            "revision": status.revision,
            "needed": status.needed,
        }
    )
