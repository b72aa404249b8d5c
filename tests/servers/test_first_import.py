"""The first import into a database: its first row creates the default group, and a retry finds it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from lback_cli.imports.importer import Importer
from lback_cli.imports.options import ImportOptions

from .concurrent_users import LOCK_HEAD, OnFirstCall, impatient_url, other_connection, record_error_codes
from .conftest import SERVERS
from .database import Installation
from .test_imports import ActsAtTheStart


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("if_exists", "expected"), [("fail", ["user_registration_failed"]), ("skip", []), ("update", [])]
)
def test_first_row_that_another_process_creates_meanwhile_has_one_outcome(
    server: str,
    database_on: Callable[[str], AbstractContextManager[str]],
    tmp_path: Path,
    if_exists: Any,
    expected: list[str],
) -> None:
    path = tmp_path / "users.csv"
    path.write_text("username,email\n" + "".join(f"u{number},u{number}@example.org\n" for number in range(3)))
    with database_on(server) as url:
        rival = Installation(url, tmp_path).initialize()
        client = rival.reopen(impatient_url(rival))
        with other_connection(rival) as other:
            lock = OnFirstCall(lambda: other.execute(text(LOCK_HEAD)))

            register = OnFirstCall(lambda **_: rival.register("u0"))

            def after_rollback(_connection: Any) -> None:
                if codes:
                    register()

            event.listen(client.database.engine, "begin", after_rollback)
            with record_error_codes(client, on_first=other.rollback) as codes:
                importer = Importer(client.database, client.services, client.users, ActsAtTheStart(lock))
                result = importer.run(str(path), ImportOptions(mail="none", if_exists=if_exists))
        events = [signal for signal, subject in rival.recorded() if subject == "u0"]
        client.close()
        rival.close()
    assert codes
    assert result.counts.created == 2
    assert events == ["user_registered", *expected]
