"""The commands of `lback user` on a user's past."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.global_options import runtime
from lback_cli.cli.output.prompts import confirm
from lback_cli.cli.serializers import EVENT_TABLE
from lback_cli.cli.user.queries import UserArgument

app = CommandGroup()


@app.command("history", examples=("lback user history alice", "lback user history id:7 -o jsonl"))
def history(
    ctx: typer.Context,
    user: UserArgument,
    limit: Annotated[int, typer.Option("--limit", help="At most so many, the newest; 0 means all.", min=0)] = 50,
) -> None:
    """Show what happened to a user, past or present, the newest first."""
    from lback_cli.events.export import EVENT_COLUMNS, event_view

    run = runtime(ctx)
    query = run.events.query(user=user, newest_first=True, limit=limit or None)
    with run.events.select(query) as events:
        run.output.records(map(event_view, events), EVENT_COLUMNS, table=EVENT_TABLE)


@app.command("erase", examples=("lback user erase alice", "lback user erase id:7 --yes"))
def erase(
    ctx: typer.Context,
    user: UserArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a user, if still there, and the person's data from all past events; the log still verifies."""
    run = runtime(ctx)
    confirm(f"Erase {user} and the person's data from the event log, for good?", yes=yes)
    erasure = run.events.erase_user(user, run.users)
    run.output.message(f"Erased {user}: {erasure.events} events no longer tell who it was.")
    if not erasure.scrubbed:
        run.output.warning(
            "The database file is in use, or has no room to be rewritten, and keeps remains of what was deleted. "
            "Later: sqlite3 FILE 'VACUUM; PRAGMA wal_checkpoint(TRUNCATE)'"
        )
    run.output.record({"id": erasure.user_id, "events": erasure.events, "erased": True})
