"""Run many processes of the installed command at the same moment."""

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sqlalchemy import Select, create_engine, select, text
from sqlalchemy.pool import NullPool

from lback_cli.database.engine import Database
from lback_cli.models.tables import EVENTS
from lback_cli.settings import DatabaseSettings
from tests.contract.on_server import empty

TIMEOUT = 120

Run = tuple[Sequence[str], str]
"""The arguments of a command, and what it reads from stdin."""

End = tuple[int, str, str]
"""Status, stdout and stderr of a command."""


class Arena:
    """The database at *url*, or the embedded database if there is no URL."""

    def __init__(self, lback: Any, url: str | None) -> None:
        self._lback = lback
        self._url = url
        self._engine = create_engine(url or f"sqlite:///{lback.database}", poolclass=NullPool)
        lback.environment["LBACK_USERS_UNICODE_NAMES"] = "true"
        if url is not None:
            lback.environment["LBACK_DATABASE_URL"] = url
            self.run("db", "init", "-q")

    def clear(self) -> None:
        """Delete everything of an earlier round, the embedded database included."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._lback.database.parent)
        if self._url is not None:
            database = Database(DatabaseSettings(url=self._url))
            empty(database)
            database.dispose()

    def run(self, *arguments: str, input: str = "") -> Any:  # noqa: A002
        """Run a command that must succeed, and return its result."""
        finished = self._lback(*arguments, "-o", "json", input=input)
        assert finished.status == 0, finished
        return json.loads(finished.out or "null")

    def compete(self, runs: Sequence[Run], *, meetings: int) -> list[End]:
        """Run all commands at once and return their ends. They wait for each other *meetings* times."""
        with socket.create_server(("127.0.0.1", 0), backlog=len(runs)) as place, ExitStack() as ending:
            place.settimeout(TIMEOUT)
            variables = {
                "PYTHONPATH": str(Path(__file__).parent),
                "LBACK_RECEIVERS_MODULES": "barrier",
                "LBACK_RECEIVERS_TIME_BUDGET": str(TIMEOUT),
                "MEETING_PORT": str(place.getsockname()[1]),
            }
            processes = []
            for arguments, given in runs:
                with TemporaryFile() as stdin:
                    stdin.write(given.encode())
                    stdin.seek(0)
                    processes.append(self._lback.start(*arguments, "-o", "json", stdin=stdin, **variables))
                ending.callback(_kill, processes[-1])
            with suppress(TimeoutError):  # the commands report it
                for _ in range(meetings):
                    _let_go(place, len(runs))
            return [_end(process) for process in processes]

    def rows(self, statement: str | Select[Any]) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            found = connection.execute(text(statement) if isinstance(statement, str) else statement)
            return [tuple(row) for row in found]

    def events(self) -> list[tuple[str, str | None, str | None, Any]]:
        """Return signal, outcome, subject and data of every event, after `lback events verify`."""
        columns = [EVENTS.c[name] for name in ("signal", "outcome", "subject", "data", "hash")]
        found = self.rows(select(*columns).order_by(EVENTS.c.seq))
        verified = self.run("events", "verify")
        wanted = {"intact": True, "events": len(found), "erased": 0, "hash": found[-1][-1], "checkpoint": None}
        assert verified == wanted, verified
        return [(signal, outcome, subject, json.loads(data)) for signal, outcome, subject, data, _ in found]

    def mails(self) -> list[tuple[str, str]]:
        """Return recipient and subject of every mail, oldest first."""
        return [(mail["To"], mail["Subject"]) for mail in self._lback.mails]

    def newest_mail(self) -> Any:
        return self._lback.mails[-1]

    def secret(self, name: str, content: str) -> str:
        """Write *content* to a file of mode 600 and return its path."""
        path = Path(self._lback.directory / name)
        path.write_text(content, "utf-8")
        path.chmod(0o600)
        return str(path)


@contextmanager
def arena_on(database: str, lback: Any, database_on: Callable[[str], AbstractContextManager[str]]) -> Iterator[Arena]:
    """Yield an `Arena` on a new database of a server, or on the embedded database for ``sqlite``."""
    with nullcontext() if database == "sqlite" else database_on(database) as url:
        yield Arena(lback, url)


def _let_go(place: socket.socket, number: int) -> None:
    """Wait for *number* connections, and answer all of them."""
    with ExitStack() as leaving:
        there = [leaving.enter_context(place.accept()[0]) for _ in range(number)]
        for one in there:
            one.sendall(b".")


def _end(process: "subprocess.Popen[bytes]") -> End:
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out.decode(), err.decode()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()
