"""Lists of deleted users."""

from typing import TYPE_CHECKING

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.serializers import DELETED_COLUMNS, DELETED_TABLE, deleted_user_view
from lback_cli.errors import UsageError

if TYPE_CHECKING:
    from lback_cli.repositories.user_query import UserQuery


def list_deleted_users(context: CliContext, query: "UserQuery", as_of: str | None) -> None:
    """Write the deleted users who can be restored. Only *query*'s page is allowed.

    Raises:
        UsageError: The query has a condition or an order, or there is a moment.
    """
    if as_of is not None or query != type(query)(after=query.after, limit=query.limit):
        raise UsageError("--deleted takes no filter, no order and no moment.", hint="Use only --limit and --after.")
    limit = query.limit
    users = context.kept_users.select(after=int(query.after or 0), limit=None if limit is None else limit + 1)
    shown = users[:limit]
    views = map(deleted_user_view, shown)
    context.output.records(views, DELETED_COLUMNS, brief=DELETED_TABLE, empty="No deleted user is kept.")
    if len(users) > len(shown):
        context.output.limited("users", limit, lambda: None, next_page=f"--after {shown[-1].id}")
