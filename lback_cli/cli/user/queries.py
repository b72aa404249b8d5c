"""The commands of `lback user` that only look."""

from enum import StrEnum
from typing import Annotated

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.completion import complete_user
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.global_options import runtime
from lback_cli.cli.serializers import USER_COLUMNS, USER_TABLE, user_view
from lback_cli.cli.user.filters import Active, InGroup, Search, Verified
from lback_cli.errors import UsageError

app = CommandGroup()

UserArgument = Annotated[
    str, typer.Argument(metavar="USER", help="User name, e-mail address or id:N.", autocompletion=complete_user)
]

DEFAULT_LIMIT = 100


class Sort(StrEnum):
    """Orders that an index gives for nothing."""

    ID = "id"
    USERNAME = "username"
    EMAIL = "email"


@app.command("show", examples=("lback user show alice", "lback user show id:7 -o json"))
def show(ctx: typer.Context, user: UserArgument) -> None:
    """Show one user."""
    run = runtime(ctx)
    run.output.record(user_view(run.directory.find_user(user)))


@app.command("exists", examples=("lback user exists alice && echo taken",))
def exists(ctx: typer.Context, user: UserArgument) -> None:
    """Tell whether a user exists: exit 0 if so, 5 if not."""
    run = runtime(ctx)
    found = run.directory.exists(user)
    run.output.record({"user": user, "exists": found})
    if not found:
        raise typer.Exit(ExitCode.NOT_FOUND)


@app.command(
    "list",
    examples=(
        "lback user list --inactive --sort username",
        "lback user list --group staff -o csv",
        "lback user list --limit 100 --after 4711 -o json",
    ),
)
def list_users(
    ctx: typer.Context,
    search: Search = None,
    group: InGroup = None,
    active: Active = None,
    verified: Verified = None,
    sort: Annotated[Sort, typer.Option("--sort", help="Order.")] = Sort.ID,
    descending: Annotated[bool, typer.Option("--desc", help="Highest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="At most so many; 0 means all.", min=0)] = DEFAULT_LIMIT,
    after: Annotated[
        str | None,
        typer.Option("--after", help="Start behind this value of the sorted column: the next page.", metavar="VALUE"),
    ] = None,
) -> None:
    """List users, a page at a time."""
    from lback_cli.repositories.user_repository import UserQuery

    run = runtime(ctx)
    query = UserQuery(
        search=search,
        group=group,
        is_active=active,
        is_email_verified=verified,
        sort=sort.value,
        descending=descending,
        after=_cursor(sort, after),
        limit=limit or None,
    )
    with run.directory.select_users(query) as users:
        run.output.records(map(user_view, users), USER_COLUMNS, table=USER_TABLE)
    if users.next_after is not None:
        run.output.message(f"There are more: --after {users.next_after} shows the next page, --limit 0 all.")


def _cursor(sort: Sort, after: str | None) -> str | int | None:
    if after is None or sort is not Sort.ID:
        return after
    from lback_cli.repositories.user_repository import LARGEST_ID

    if not (after.isascii() and after.isdigit()):
        raise UsageError(f"--after: {after[:40]!r} is not an id.", hint="With --sort id it is the last id shown.")
    # Longer than any id; int() of an endless string of digits would take its time, too.
    return min(int(after[:20]), LARGEST_ID)
