"""A server whose transactions are serializable by default has the outcomes of any other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from lback_cli.errors import AuthenticationFailed
from lback_cli.imports.results import Counts

from .conftest import SERVERS
from .database import PASSWORD, Installation, record_signals
from .own_server import PASSWORD as SERVER_PASSWORD
from .own_server import MissingServer, start_server
from .test_contests import check_at
from .test_imports import check_imported_once, run, write_csv

KEYS = {"postgresql": "default_transaction_isolation", "mariadb": "transaction-isolation"}
LEVELS = {"postgresql": "SHOW transaction_isolation", "mariadb": "SELECT @@tx_isolation"}


@pytest.fixture(scope="module", params=SERVERS)
def url(request: pytest.FixtureRequest, unavailable: Callable[[str, str], NoReturn]) -> Iterator[str]:
    service = request.param
    try:
        with start_server(service, settings={KEYS[service]: "serializable"}) as server:
            url = make_url(server.url({}, host="127.0.0.1")).set(password=SERVER_PASSWORD)
            yield url.render_as_string(hide_password=False)
    except MissingServer as missing:
        unavailable(service, str(missing))


@pytest.fixture
def installation(url: str, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(url, tmp_path).initialize()
    yield made
    made.close()


def test_operations_in_a_callers_serializable_transaction(installation: Installation) -> None:
    engine = create_engine(installation.url)
    users: Any = installation.users
    with record_signals() as seen, Session(engine) as session, session.begin():
        assert session.scalar(text(LEVELS[installation.url.partition("+")[0]])).lower() == "serializable"
        eve = users.register_user("eve", "eve@example.org", PASSWORD, verified=True, session=session)
        if "postgresql" in installation.url:  # MariaDB locks what the transaction has read
            with pytest.raises(AuthenticationFailed):
                users.authenticate_user("eve", "wrong", session=session)
            users.authenticate_user("eve", PASSWORD, session=session)
        users.update_user(eve.id, {"is_active": False}, session=session)
        assert installation.rows("SELECT username FROM users WHERE username = 'eve'") == []
    engine.dispose()
    assert installation.rows("SELECT username FROM users WHERE username = 'eve'") == [("eve",)]
    recorded = [signal for signal, subject in installation.recorded() if subject == "eve"]
    logins = ["user_authentication_failed", "user_authenticated"] if "postgresql" in installation.url else []
    expected = ["user_registered", *logins, "user_updated"]
    assert recorded == expected
    assert [signal for signal in seen if signal in expected] == expected


def test_contests_and_an_import_end_as_elsewhere(installation: Installation, tmp_path: Path) -> None:
    names = [f"default-{number:03}" for number in range(300)]
    path = write_csv(installation.directory, names, hashed=True)
    result = run(installation, path, mail="none")
    assert (result.state, result.counts) == ("done", Counts(created=300))
    check_imported_once(installation, path, names)
    check_at(installation.url, tmp_path, ("same-name", "one-token", "delete"))
