"""Let an application build its manager from this package."""

from functools import partial

from lback_cli.settings import Settings


def install(settings: Settings | None = None) -> None:
    """Make the application of this process use lback's manager.

    Call it in the application's ``settings.py``, or anywhere before ``initialize_core_components()``. The tables are
    needed from the first operation on, so the application can still create and migrate its own.

    Args:
        settings: As for `UserManager`.
    """
    from lback.core import server

    from lback_cli.compat.framework.manager import UserManager

    server.UserManager = partial(UserManager, settings=settings)
