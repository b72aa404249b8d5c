"""THE table of exit codes."""

from enum import IntEnum

from lback_cli.errors import AuthenticationFailed, Conflict, LbackError, NotFound, Refused, Unusable, UsageError


class Exit(IntEnum):
    """What the exit code of `lback` says."""

    DONE = 0
    BUG = 1
    USAGE = 2
    AUTHENTICATION_FAILED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    REFUSED = 7
    PARTLY_FAILED = 8
    UNUSABLE = 9
    HANGUP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class Ended(KeyboardInterrupt):
    """Ends the process with that exit code, from where it stands, so that transactions roll back on the way.

    It is a `KeyboardInterrupt`, as psycopg cancels a statement that is under way for no other.
    """

    def __init__(self, code: Exit) -> None:
        super().__init__(MEANINGS[code])
        self.code = code


MEANINGS: dict[Exit, str] = {
    Exit.DONE: "done, or already so",
    Exit.BUG: "a bug in lback or in a receiver",
    Exit.USAGE: "the command line does not make sense",
    Exit.AUTHENTICATION_FAILED: "authentication failed",
    Exit.NOT_FOUND: "no such user, group, signal, event or sink",
    Exit.CONFLICT: "it exists already",
    Exit.REFUSED: "refused by validation, policy, token or receiver",
    Exit.PARTLY_FAILED: "some rows of a batch failed, or some events were not taken",
    Exit.UNUSABLE: "database, mail, a sink or the configuration cannot be used",
    Exit.HANGUP: "hung up",
    Exit.INTERRUPTED: "interrupted",
    Exit.BROKEN_PIPE: "nobody reads the output any more",
    Exit.TERMINATED: "terminated",
}

_CODES: tuple[tuple[type[LbackError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (AuthenticationFailed, Exit.AUTHENTICATION_FAILED),
    (NotFound, Exit.NOT_FOUND),
    (Conflict, Exit.CONFLICT),
    (Refused, Exit.REFUSED),
    (Unusable, Exit.UNUSABLE),
)


def exit_code(error: LbackError) -> Exit:
    """The exit code for *error*."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.BUG)
