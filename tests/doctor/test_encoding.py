"""Databases and connections that cannot take every character."""

from collections.abc import Callable, Iterator

import pytest

from lback_cli.doctor.doctor import Doctor
from lback_cli.doctor.finding import Finding
from lback_cli.doctor.patient import Patient
from lback_cli.doctor.storage import check_encoding

Admit = Callable[..., Patient]

ANOTHER = "Run: CREATE DATABASE another ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0; then 'lback db copy' to it."


@pytest.fixture
def database_in(postgresql_url: str) -> Iterator[Callable[[str], str]]:
    """Make a PostgreSQL database with an encoding, and say its URL."""
    psycopg = pytest.importorskip("psycopg")
    name = postgresql_url.rpartition("/")[2]
    made: list[str] = []
    with psycopg.connect(host="127.0.0.1", user="root", dbname="postgres", autocommit=True) as server:

        def make(encoding: str) -> str:
            made.append(f"{name}_{encoding.lower()}")
            server.execute(f"CREATE DATABASE {made[-1]} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
            return f"{postgresql_url}_{encoding.lower()}"

        yield make
        for database in made:
            server.execute(f"DROP DATABASE {database} WITH (FORCE)")


def test_what_lback_makes_takes_every_character(admit: Admit, postgresql_url: str, mariadb_url: str) -> None:
    for url in (None, postgresql_url, mariadb_url):
        patient = admit(url)
        assert check_encoding(patient) == Finding("encoding", "ok", "Every character of Unicode can be stored.")
        patient.database.dispose()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding_fails(admit: Admit, database_in: Callable[[str], str], encoding: str) -> None:
    patient = admit(f"{database_in(encoding)}?client_encoding=utf8")
    message = f"The database is encoded in {encoding}, which is not UTF8."
    assert check_encoding(patient) == Finding("encoding", "fail", message, ANOTHER)
    patient.database.dispose()


def test_a_database_that_says_nothing_of_characters_fails_and_breaks_no_check(
    admit: Admit, database_in: Callable[[str], str]
) -> None:
    url = database_in("SQL_ASCII")
    admit(f"{url}?client_encoding=utf8")
    settings = admit(url, ready=False).settings
    statuses = {finding.check: finding.status for finding in Doctor(lambda: settings).examine()}
    assert "fail" in {statuses["database"], statuses["encoding"]}
    assert len(statuses) == 14


def test_a_connection_in_another_encoding_fails(admit: Admit, postgresql_url: str) -> None:
    admit(postgresql_url).database.dispose()
    patient = admit(f"{postgresql_url}?client_encoding=latin1", ready=False)
    assert check_encoding(patient) == Finding(
        "encoding",
        "fail",
        "The connection is encoded in LATIN1, which is not UTF8 (client_encoding).",
        "Take client_encoding out of database.url, or out of PGOPTIONS.",
    )
    patient.database.dispose()


def test_a_connection_to_mariadb_in_another_encoding_fails(admit: Admit, mariadb_url: str) -> None:
    admit(mariadb_url).database.dispose()
    patient = admit(mariadb_url.replace("charset=utf8mb4", "charset=latin1"), ready=False)
    assert check_encoding(patient) == Finding(
        "encoding",
        "fail",
        "The connection is encoded in latin1, which is not utf8mb4.",
        "Write charset=utf8mb4 into database.url.",
    )
    patient.database.dispose()


def test_a_database_of_mariadb_in_another_encoding_fails_until_the_hints_were_followed(
    admit: Admit, mariadb_url: str
) -> None:
    patient = admit(mariadb_url, ready=False)
    name = patient.database.url.database
    with patient.database.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} CHARACTER SET latin1")
    patient.database.dispose()
    patient = admit(mariadb_url)
    found = check_encoding(patient)
    assert found.status == "fail"
    assert found.message.startswith("New tables of the database are encoded in latin1, which is not utf8mb4. ")
    assert "lback_events is encoded in latin1, which is not utf8mb4 (" in found.message
    assert found.hint is not None
    with patient.database.engine.begin() as connection:
        for statement in found.hint.split("; "):
            connection.exec_driver_sql(statement.removeprefix("Run: "))
    patient.database.dispose()
    assert check_encoding(patient) == Finding("encoding", "ok", "Every character of Unicode can be stored.")
    patient.database.dispose()
