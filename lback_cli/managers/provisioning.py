"""Registration that may be repeated: what a script needs that is run again."""

from collections.abc import Callable, Sequence

from lback_cli.errors import UserExists
from lback_cli.managers.directory import UserDirectory
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User


class Provisioning:
    """Registers users, or finds that they are there already."""

    def __init__(self, users: UserManager, directory: UserDirectory) -> None:
        self._users = users
        self._directory = directory

    def register(
        self,
        username: str,
        email: str,
        password: Callable[[], str],
        *,
        skip_existing: bool,
        groups: Sequence[str] = (),
        verified: bool = False,
        active: bool = True,
    ) -> tuple[User, bool]:
        """The user, and whether it was created: with *skip_existing*, one who has that name already is returned as is.

        *password* is called only when it is needed. A skipped user starts no operation and sends no signal, unless
        another process took the name in between. Raises what `UserManager.register_user` raises.
        """
        if skip_existing and (existing := self._directory.find_by_username(username)):
            return existing, False
        try:
            user = self._users.register_user(
                username, email, password(), groups=groups, verified=verified, active=active
            )
        except UserExists as error:
            if skip_existing and error.field == "username":
                return self._directory.find_user(username), False
            raise
        return user, True
