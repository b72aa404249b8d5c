"""`lback user hashes`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context

COLUMNS = ("scheme", "users", "outdated", "weakness")


@command(
    examples={
        "Show the number of users by scheme": "lback user hashes",
        "Show the counts as JSON": "lback user hashes -o json",
    },
    fields=COLUMNS,
)
def hashes(ctx: typer.Context) -> None:
    """Count users by the scheme of their password hash.

    A hash is outdated if its scheme or cost is not the configured one; the user's next login replaces it. Users who
    have no hash that lback can verify count as unusable.
    """
    from lback_cli.managers.hash_statistics import HashStatistics

    context = cli_context(ctx)
    counts = HashStatistics(context.database, context.dependencies).count()
    views = [{name: getattr(count, name) for name in COLUMNS} for count in counts]
    context.output.records(views, COLUMNS, empty="No users.")
    if outdated := sum(count.outdated for count in counts):
        users = sum(count.users for count in counts)
        context.output.message(f"{outdated} of {users} users have an outdated hash, which their next login replaces.")
