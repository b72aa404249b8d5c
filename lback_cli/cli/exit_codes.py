"""THE table of exit codes."""

from enum import IntEnum

from lback_cli.errors import AuthenticationFailed, Conflict, LbackError, NotFound, Refused, Unusable, UsageError


class ExitCode(IntEnum):
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


class TerminatedBySignal(KeyboardInterrupt):
    """Ends the process with that exit code, from where it stands, so that transactions roll back on the way.

    It is a `KeyboardInterrupt`, as psycopg cancels a statement that is under way for no other.
    """

    def __init__(self, code: ExitCode) -> None:
        super().__init__(MEANINGS[code])
        self.code = code


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "done, or already so",
    ExitCode.BUG: "a bug in lback or in a receiver",
    ExitCode.USAGE: "the command line does not make sense",
    ExitCode.AUTHENTICATION_FAILED: "authentication failed",
    ExitCode.NOT_FOUND: "no such user, group, signal, event or sink",
    ExitCode.CONFLICT: "it exists already",
    ExitCode.REFUSED: "refused by validation, policy, token or receiver",
    ExitCode.PARTLY_FAILED: "some rows of a batch failed, or some events were not taken",
    ExitCode.UNUSABLE: "database, mail, a sink or the configuration cannot be used",
    ExitCode.HANGUP: "hung up",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.BROKEN_PIPE: "nobody reads the output any more",
    ExitCode.TERMINATED: "terminated",
}

_CODES: tuple[tuple[type[LbackError], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (AuthenticationFailed, ExitCode.AUTHENTICATION_FAILED),
    (NotFound, ExitCode.NOT_FOUND),
    (Conflict, ExitCode.CONFLICT),
    (Refused, ExitCode.REFUSED),
    (Unusable, ExitCode.UNUSABLE),
)


def exit_code(error: LbackError) -> ExitCode:
    """The exit code for *error*."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.BUG)
