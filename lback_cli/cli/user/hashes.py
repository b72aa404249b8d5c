"""The command of `lback user` on how passwords are hashed."""

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.global_options import runtime

app = CommandGroup()

COLUMNS = ("scheme", "users", "outdated", "weakness")


@app.command("hashes", examples=("lback user hashes", "lback user hashes -o json"))
def hashes(ctx: typer.Context) -> None:
    """Count users by how their passwords are hashed: which schemes an import brought, and what logins replaced.

    An outdated hash is of another scheme or cost than configured; its user's next login replaces it. Users without a
    password that could be verified count as unusable.
    """
    from lback_cli.managers.hash_statistics import HashStatistics

    run = runtime(ctx)
    counts = HashStatistics(run.database, run.services).count()
    views = [{name: getattr(count, name) for name in COLUMNS} for count in counts]
    run.output.records(views, COLUMNS)
    if outdated := sum(count.outdated for count in counts):
        users = sum(count.users for count in counts)
        run.output.message(f"{outdated} of {users} users have an outdated hash, which their next login replaces.")
