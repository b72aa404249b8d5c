"""TLS to servers that require it: an unverified server is not used, and one message says why."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from sqlalchemy import text

from lback_cli.database.engine import Database
from lback_cli.database.schema import REVISION
from lback_cli.errors import DatabaseError, LbackError
from lback_cli.settings import DatabaseSettings

from .conftest import SERVERS
from .own_server import PASSWORD, DatabaseServer, MissingServer, start_server

Unavailable = Callable[[str, str], NoReturn]

VERIFIED = {
    "postgresql": "sslmode=verify-full&sslrootcert=CA",
    "mariadb": "ssl_ca=CA&ssl_verify_cert=true&ssl_verify_identity=true",
}
AS_CLIENT = {"postgresql": "&sslcert=CERT&sslkey=KEY", "mariadb": "&ssl_cert=CERT&ssl_key=KEY"}
KEY_PASSWORD = {"postgresql": "&sslpassword=key-canary", "mariadb": "&ssl_key_password=key-canary"}


def encrypted(key: bytes, password: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )


class Certificates:
    """Certificates, keys and the password, in files that only the account of the tests can read."""

    def __init__(self, directory: Path, authority: trustme.CA) -> None:
        other_authority = trustme.CA()
        own, foreign = (
            ca.issue_cert("app@example.org", common_name="certified") for ca in (authority, other_authority)
        )
        self.files = {
            "CA": authority.cert_pem.bytes(),
            "FOREIGN_CA": other_authority.cert_pem.bytes(),
            "CERT": own.cert_chain_pems[0].bytes(),
            "KEY": own.private_key_pem.bytes(),
            "ENCRYPTED_KEY": encrypted(own.private_key_pem.bytes(), b"key-canary"),
            "FOREIGN_CERT": foreign.cert_chain_pems[0].bytes(),
            "FOREIGN_KEY": foreign.private_key_pem.bytes(),
            "PASSWORD": PASSWORD.encode(),
        }
        self.directory = directory
        for name, content in self.files.items():
            self[name].touch(0o600)
            self[name].write_bytes(content)

    def __getitem__(self, name: str) -> Path:
        return self.directory / name

    def options(self, query: str) -> dict[str, str]:
        """Parse *query*, in which the names of these files stand for their paths."""
        pairs = (pair.split("=") for pair in query.split("&") if pair)
        return {key: str(self[value]) if value in self.files else value for key, value in pairs}


@pytest.fixture(scope="module", params=SERVERS)
def service(request: pytest.FixtureRequest, require_service: Callable[[str], None]) -> str:
    require_service(request.param)
    return cast("str", request.param)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory, certificate_authority: trustme.CA) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"), certificate_authority)


@pytest.fixture(scope="module")
def server(service: str, certificate_authority: trustme.CA, unavailable: Unavailable) -> Iterator[DatabaseServer]:
    """A server that requires TLS. Its certificate is for localhost and not for 127.0.0.1."""
    try:
        with start_server(service, certificate_authority, certificate_authority.issue_cert("localhost")) as running:
            yield running
    except MissingServer as missing:
        unavailable(service, str(missing))


@pytest.fixture(scope="module")
def server_without_tls(
    service: str, certificate_authority: trustme.CA, unavailable: Unavailable
) -> Iterator[DatabaseServer]:
    try:
        with start_server(service, certificate_authority, None) as running:
            yield running
    except MissingServer as missing:
        unavailable(service, str(missing))


@pytest.fixture
def lback_at(lback: Any, certificates: Certificates) -> Callable[..., Any]:
    """Run the installed command on a URL, with the password in a file. The system trusts the servers' authority."""
    variables = {"LBACK_DATABASE_PASSWORD_FILE": certificates["PASSWORD"], "SSL_CERT_FILE": certificates["CA"]}
    return lambda url, *arguments, **options: lback(*arguments, LBACK_DATABASE_URL=url, **variables, **options)


@contextmanager
def database_at(url: str, certificates: Certificates) -> Iterator[Database]:
    database = Database(DatabaseSettings(url=url, password_file=certificates["PASSWORD"]))
    try:
        yield database
    finally:
        database.dispose()


def cipher(url: str, certificates: Certificates) -> str | None:
    """Return the cipher of the connection as the server reports it, or None."""
    with database_at(url, certificates) as database, database.reading() as session:
        if database.url.get_backend_name() == "postgresql":
            query = "SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        else:
            query = "SHOW STATUS LIKE 'Ssl_cipher'"
        return cast("str | None", session.execute(text(query)).one()[-1] or None)


def name(url: str) -> str:
    return url.partition("?")[0].replace("@", ":***@")


# Verified connections


def test_commands_work_on_a_verified_connection(
    server: DatabaseServer, certificates: Certificates, lback_at: Any
) -> None:
    url = server.url(certificates.options(VERIFIED[server.service]))
    assert cipher(url, certificates)
    assert_made(lback_at(url, "db", "init", "-o", "json"), url)
    alice = ("alice", "--email", "alice@example.org", "--generate-password")
    registered = lback_at(url, "user", "register", *alice, "-o", "json")
    assert registered.status == 0
    assert registered.err.startswith("Registered alice; wrote a verification link to ")
    listed = lback_at(url, "user", "list", "-o", "json")
    assert (listed.status, listed.err) == (0, "")
    result = registered.result
    assert result.pop("generated_password"), "shown once"
    assert result.pop("outcome") == "created"
    assert [*listed.result[0].items()] == [*result.items()]
    examined = lback_at(url, "doctor", "-o", "json")
    assert (examined.status, {found["status"] for found in examined.result}, examined.err) == (0, {"ok"}, "")


def test_client_certificate_is_accepted(server: DatabaseServer, certificates: Certificates, lback_at: Any) -> None:
    query = VERIFIED[server.service] + AS_CLIENT[server.service]
    url = server.url(certificates.options(query), user="certified")
    assert cipher(url, certificates)
    assert_made(lback_at(url, "db", "init", "-o", "json"), url)


def assert_made(outcome: Any, url: str) -> None:
    backend = url.partition("+")[0]
    state = {"database": name(url), "backend": backend, "state": "current", "revision": REVISION, "needed": REVISION}
    assert (outcome.status, outcome.result, outcome.err) == (0, state, f"{name(url)} is ready.\n")


BOTH = ["localhost", "127.0.0.1"]

HOSTS: dict[str, dict[str, list[str]]] = {
    "postgresql": {
        "sslmode=verify-full&sslrootcert=CA": ["localhost"],
        "sslmode=verify-full&sslrootcert=system": ["localhost"],
        "sslmode=verify-full&sslrootcert=FOREIGN_CA": [],
        "sslmode=verify-ca&sslrootcert=CA": BOTH,
        "sslmode=verify-ca&sslrootcert=FOREIGN_CA": [],
        "sslmode=require": BOTH,
        "": BOTH,
    },
    "mariadb": {
        "ssl_ca=CA": ["localhost"],
        "ssl_ca=CA&ssl_verify_cert=true": ["localhost"],
        "ssl_ca=CA&ssl_verify_identity=true": ["localhost"],
        "ssl_ca=CA&ssl_verify_cert=1&ssl_verify_identity=1": ["localhost"],
        "ssl_ca=CA&ssl_verify_cert=false&ssl_verify_identity=true": ["localhost"],
        "ssl_ca=CA&ssl_check_hostname=true": ["localhost"],
        "ssl_verify_cert=true": ["localhost"],
        "ssl_verify_identity=true": ["localhost"],
        "ssl_ca=FOREIGN_CA": [],
        "ssl_ca=FOREIGN_CA&ssl_verify_cert=true": [],
        "ssl_ca=FOREIGN_CA&ssl_verify_identity=false": [],
        "ssl_ca=CA&ssl_verify_identity=false": BOTH,
        "ssl_ca=CA&ssl_check_hostname=false": BOTH,
        "ssl_ca=FOREIGN_CA&ssl_verify_cert=false": BOTH,
        "ssl_verify_cert=false": BOTH,
        "ssl_verify_identity=false": BOTH,
        "ssl_cert=CERT&ssl_key=KEY": BOTH,
        "ssl_disabled=false": BOTH,
        "": BOTH,
    },
}
"""The hosts that each query can connect to: the certificate is for localhost, and the system trusts its authority."""


def test_tls_options_verify_as_documented(
    server: DatabaseServer, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["CA"]))
    expected = HOSTS[server.service]
    found = {
        query: [host for host in BOTH if is_encrypted(server.url(certificates.options(query), host=host), certificates)]
        for query in expected
    }
    assert found == expected


def is_encrypted(url: str, certificates: Certificates) -> bool:
    """Return False if the server was not verified."""
    try:
        assert cipher(url, certificates)
    except DatabaseError as error:
        if NOT_VERIFIED not in error.message:
            raise
        return False
    return True


def test_encrypted_client_key_is_accepted(server: DatabaseServer, certificates: Certificates) -> None:
    query = VERIFIED[server.service] + AS_CLIENT[server.service].replace("=KEY", "=ENCRYPTED_KEY")
    assert cipher(
        server.url(certificates.options(query + KEY_PASSWORD[server.service]), user="certified"), certificates
    )


def test_lost_encrypted_connection_is_reported(server: DatabaseServer, certificates: Certificates) -> None:
    kill = {"postgresql": "SELECT pg_terminate_backend(pg_backend_pid())", "mariadb": "KILL CONNECTION_ID()"}
    url = server.url(certificates.options(VERIFIED[server.service]))
    with (
        database_at(url, certificates) as database,
        pytest.raises(DatabaseError) as caught,
        database.session() as session,
    ):
        session.execute(text(kill[server.service]))
    assert caught.value.message == f"The connection to the database {name(url)} was lost."


# Refused connections

NOT_VERIFIED = "cannot be reached with these TLS options:"
OPTIONS_HINT = "Check the options after the question mark in database.url; see docs/databases.md."
AT = 'connection to server at "127.0.0.1", port {port} failed:'
ELSEWHERE = 'server certificate for "localhost" does not match host name "127.0.0.1"'
NO_ENTRY = f'{AT} FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "{{user}}", database "{{user}}",'
PYMYSQL = "Can't connect to MySQL server on '{host}' (certificate verify failed:"
NEITHER = (
    "rejected the user name or the password.",
    "Check the user in database.url, database.password_file, and whether this user must use TLS.",
)

LOCAL, NUMERIC = {"host": "localhost", "user": "app"}, {"host": "127.0.0.1", "user": "app"}

REFUSED = {
    "postgresql": {
        "an authority that did not sign it": (
            ("sslmode=verify-full&sslrootcert=FOREIGN_CA", LOCAL),
            (f"{NOT_VERIFIED} {AT} SSL error: certificate verify failed.", OPTIONS_HINT),
        ),
        "another host": (
            (VERIFIED["postgresql"], NUMERIC),
            (f"{NOT_VERIFIED} {AT} {ELSEWHERE}.", OPTIONS_HINT),
        ),
        "another host, and the system's authorities": (
            ("sslmode=verify-full&sslrootcert=system", NUMERIC),
            (f"{NOT_VERIFIED} {AT} {ELSEWHERE}.", OPTIONS_HINT),
        ),
        "no TLS": (
            ("sslmode=disable", LOCAL),
            (
                f"does not accept this user without TLS: {NO_ENTRY} no encryption.",
                "Add sslmode=verify-full to database.url; see docs/databases.md.",
            ),
        ),
        "a user whom the server does not expect": (
            (VERIFIED["postgresql"], LOCAL | {"user": "postgres"}),
            (
                f"does not accept this user from this host: {NO_ENTRY} SSL encryption.",
                "Ask its administrator to allow the connection in pg_hba.conf.",
            ),
        ),
        "a user without the certificate of that user": (
            (VERIFIED["postgresql"], LOCAL | {"user": "certified"}),
            (f"{NOT_VERIFIED} {AT} FATAL:  connection requires a valid client certificate.", OPTIONS_HINT),
        ),
    },
    "mariadb": {
        "an authority that did not sign it": (
            (VERIFIED["mariadb"].replace("CA", "FOREIGN_CA"), LOCAL),
            (f"{NOT_VERIFIED} {PYMYSQL} self-signed certificate in certificate chain).", OPTIONS_HINT),
        ),
        "another host": (
            (VERIFIED["mariadb"], NUMERIC),
            (f"{NOT_VERIFIED} {PYMYSQL} IP address mismatch, certificate is not valid for '{{host}}').", OPTIONS_HINT),
        ),
        "another host, and the system's authorities": (
            ("ssl_verify_cert=true", NUMERIC),
            (f"{NOT_VERIFIED} {PYMYSQL} IP address mismatch, certificate is not valid for '{{host}}').", OPTIONS_HINT),
        ),
        "no TLS": (("ssl_disabled=true", LOCAL), NEITHER),
        "a user whom the server does not expect": ((VERIFIED["mariadb"], LOCAL | {"user": "nosuch"}), NEITHER),
        "a user without the certificate of that user": (
            (VERIFIED["mariadb"], LOCAL | {"user": "certified"}),
            NEITHER,
        ),
    },
}
"""By problem: (options, user and host), (message, hint)."""


@pytest.mark.parametrize("case", REFUSED["postgresql"])
def test_connection_is_refused_with_a_reason(
    server: DatabaseServer, certificates: Certificates, lback_at: Any, case: str
) -> None:
    (query, account), (message, hint) = REFUSED[server.service][case]
    url = server.url(certificates.options(query), **account)
    expected = message.format(port=server.port, **account)
    assert lback_at(url, "user", "list") == (9, "", f"error: The database {name(url)} {expected}\n       {hint}\n")


def test_client_certificate_of_another_authority_is_refused(
    server: DatabaseServer, certificates: Certificates, lback_at: Any
) -> None:
    client = AS_CLIENT[server.service].replace("=", "=FOREIGN_")
    url = server.url(certificates.options(VERIFIED[server.service] + client), user="certified")
    refused = lback_at(url, "user", "list")
    # In TLS 1.3 the server refuses after the handshake, and may close the connection before PyMySQL reads.
    reason = {
        "postgresql": re.escape(f"{AT.format(port=server.port)} SSL error: tlsv1 alert unknown ca"),
        "mariadb": r"\w[\w' ]+ \((tlsv1 alert unknown ca|SSLEOFError\(8, 'EOF occurred in violation of protocol'\))\)",
    }[server.service]
    expected = (
        rf"error: The database {re.escape(name(url))} {NOT_VERIFIED} {reason}\.\n       {re.escape(OPTIONS_HINT)}\n"
    )
    assert (refused.status, refused.out) == (9, "")
    assert re.fullmatch(expected, refused.err), refused.err


def test_server_without_tls_is_refused_if_tls_is_required(
    server_without_tls: DatabaseServer, certificates: Certificates, lback_at: Any
) -> None:
    service, port = server_without_tls
    assert cipher(server_without_tls.url({}), certificates) is None
    url = server_without_tls.url(certificates.options(VERIFIED[service]))
    reason = {
        "postgresql": f"{AT.format(port=port)} server does not support SSL, but SSL was required",
        "mariadb": "SSL is required but the server doesn't support it",
    }[service]
    expected = f"error: The database {name(url)} {NOT_VERIFIED} {reason}.\n       {OPTIONS_HINT}\n"
    assert lback_at(url, "user", "list") == (9, "", expected)


PAIR = "ssl_cert with ssl_key and ssl_key_password cannot be used:"

UNUSABLE = {
    "postgresql": {
        "sslmode=maybe": 'connection is bad: invalid sslmode value: "maybe"',
        "sslmode=verify-full&sslrootcert=/nowhere": f'{AT} root certificate file "/nowhere" does not exist',
        "sslmode=verify-full&sslrootcert=PASSWORD": (
            f'{AT} could not read root certificate file "{{certificates}}/PASSWORD": no certificate or crl found'
        ),
        "sslcert=CERT&sslkey=/nowhere": f'{AT} certificate present, but not private key file "/nowhere"',
        "sslcert=CERT&sslkey=FOREIGN_KEY": (
            f'{AT} could not load private key file "{{certificates}}/FOREIGN_KEY": key values mismatch'
        ),
    },
    "mariadb": {
        "ssl_verify_cert=maybe": "ssl_verify_cert must be true or false",
        "ssl_ca=/nowhere": "ssl_ca cannot be used: No such file or directory",
        "ssl_ca=PASSWORD": "ssl_ca cannot be used: no certificate or crl found",
        "ssl_cert=CERT&ssl_key=/nowhere": f"{PAIR} No such file or directory",
        "ssl_cert=CERT&ssl_key=FOREIGN_KEY": f"{PAIR} key values mismatch",
        "ssl_cert=CERT&ssl_key=ENCRYPTED_KEY": f"{PAIR} PEM lib",
        "ssl_cipher=nonsense": "ssl_cipher cannot be used: No cipher can be selected",
    },
}


def test_unusable_options_are_refused(server: DatabaseServer, certificates: Certificates) -> None:
    for query, reason in UNUSABLE[server.service].items():
        url = server.url(certificates.options(query))
        what, hint = {
            "postgresql": (f"The database {name(url)} {NOT_VERIFIED}", OPTIONS_HINT),
            "mariadb": ("database.url:", "TLS options are in docs/databases.md."),
        }[server.service]
        with pytest.raises(LbackError) as caught:
            cipher(url, certificates)
        expected = (f"{what} {reason.format(port=server.port, certificates=certificates.directory)}.", hint)
        assert (caught.value.message, caught.value.hint) == expected, query
