"""The table of exit codes."""

from enum import IntEnum

from lback_cli.errors import (
    AuthenticationFailed,
    Conflict,
    Declined,
    LbackError,
    NotFound,
    Refused,
    Unusable,
    UsageError,
)


class ExitCode(IntEnum):
    """An exit code of `lback`."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DECLINED = 3
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
    """Ends the process with an exit code, after transactions have rolled back.

    It is a `KeyboardInterrupt`, because psycopg cancels a running statement only for that.
    """

    def __init__(self, code: ExitCode) -> None:
        super().__init__(MEANINGS[code])
        self.code = code


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "success, or nothing to do",
    ExitCode.BUG: "a bug in lback or in a receiver",
    ExitCode.USAGE: "invalid command line",
    ExitCode.DECLINED: "declined at a question",
    ExitCode.AUTHENTICATION_FAILED: "authentication failed",
    ExitCode.NOT_FOUND: "no such user, group, signal, event, import, sink or mail",
    ExitCode.CONFLICT: "a name is taken, another import is unfinished, or a plan is out of date",
    ExitCode.REFUSED: "refused by a rule, token or receiver, or not verified",
    ExitCode.PARTLY_FAILED: "some rows, events or mails failed",
    ExitCode.UNUSABLE: "database, mail, sink, file or configuration unusable",
    ExitCode.HANGUP: "hung up",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.BROKEN_PIPE: "the reader of the output is gone",
    ExitCode.TERMINATED: "terminated",
}

_CODES: tuple[tuple[type[LbackError], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (Declined, ExitCode.DECLINED),
    (AuthenticationFailed, ExitCode.AUTHENTICATION_FAILED),
    (NotFound, ExitCode.NOT_FOUND),
    (Conflict, ExitCode.CONFLICT),
    (Refused, ExitCode.REFUSED),
    (Unusable, ExitCode.UNUSABLE),
)


def exit_code(error: LbackError) -> ExitCode:
    """Return the exit code for *error*."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.BUG)
