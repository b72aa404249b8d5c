"""TLS to servers that demand it: who they are is proved, or nothing is done, and one message says why."""

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
from .tls_server import PASSWORD, MissingServer, PrivateServer, private_server

Unavailable = Callable[[str, str], NoReturn]

VERIFIED = {
    "postgresql": "sslmode=verify-full&sslrootcert=CA",
    "mariadb": "ssl_ca=CA&ssl_verify_cert=true&ssl_verify_identity=true",
}
AS_CLIENT = {"postgresql": "&sslcert=CERT&sslkey=KEY", "mariadb": "&ssl_cert=CERT&ssl_key=KEY"}
KEY_PASSWORD = {"postgresql": "&sslpassword=key-canary", "mariadb": "&ssl_key_password=key-canary"}


def locked(key: bytes, password: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )


class Papers:
    """Files that prove who somebody is, in a directory that only the user who runs the tests can read."""

    def __init__(self, directory: Path, authority: trustme.CA) -> None:
        stranger = trustme.CA()
        own, strange = (ca.issue_cert("app@example.org", common_name="certified") for ca in (authority, stranger))
        self.files = {
            "CA": authority.cert_pem.bytes(),
            "STRANGE_CA": stranger.cert_pem.bytes(),
            "CERT": own.cert_chain_pems[0].bytes(),
            "KEY": own.private_key_pem.bytes(),
            "LOCKED_KEY": locked(own.private_key_pem.bytes(), b"key-canary"),
            "STRANGE_CERT": strange.cert_chain_pems[0].bytes(),
            "STRANGE_KEY": strange.private_key_pem.bytes(),
            "PASSWORD": PASSWORD.encode(),
        }
        self.directory = directory
        for name, content in self.files.items():
            self[name].touch(0o600)
            self[name].write_bytes(content)

    def __getitem__(self, name: str) -> Path:
        return self.directory / name

    def options(self, query: str) -> dict[str, str]:
        """Those of *query*, which names files as they are named here."""
        pairs = (pair.split("=") for pair in query.split("&") if pair)
        return {key: str(self[value]) if value in self.files else value for key, value in pairs}


@pytest.fixture(scope="module", params=SERVERS)
def service(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory, certificate_authority: trustme.CA) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"), certificate_authority)


@pytest.fixture(scope="module")
def server(service: str, certificate_authority: trustme.CA, unavailable: Unavailable) -> Iterator[PrivateServer]:
    """A server that demands TLS, whose certificate is for localhost and not for 127.0.0.1."""
    try:
        with private_server(service, certificate_authority, certificate_authority.issue_cert("localhost")) as running:
            yield running
    except MissingServer as missing:
        unavailable(service, str(missing))


@pytest.fixture(scope="module")
def server_without_tls(
    service: str, certificate_authority: trustme.CA, unavailable: Unavailable
) -> Iterator[PrivateServer]:
    try:
        with private_server(service, certificate_authority, None) as running:
            yield running
    except MissingServer as missing:
        unavailable(service, str(missing))


@pytest.fixture
def lback_at(lback: Any, papers: Papers) -> Callable[..., Any]:
    """The installed command at a URL, with the password in a file; the system trusts the servers' authority."""
    variables = {"LBACK_DATABASE_PASSWORD_FILE": papers["PASSWORD"], "SSL_CERT_FILE": papers["CA"]}
    return lambda url, *arguments, **options: lback(*arguments, LBACK_DATABASE_URL=url, **variables, **options)


@contextmanager
def database_at(url: str, papers: Papers) -> Iterator[Database]:
    database = Database(DatabaseSettings(url=url, password_file=papers["PASSWORD"]))
    try:
        yield database
    finally:
        database.dispose()


def cipher(url: str, papers: Papers) -> str | None:
    """What the server says that it encrypts the connection with."""
    with database_at(url, papers) as database, database.reading() as session:
        if database.url.get_backend_name() == "postgresql":
            question = "SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        else:
            question = "SHOW STATUS LIKE 'Ssl_cipher'"
        return cast("str | None", session.execute(text(question)).one()[-1] or None)


def name(url: str) -> str:
    return url.partition("?")[0].replace("@", ":***@")


# Who is proved to be the right one


def test_on_a_verified_connection_all_is_as_on_any_other(server: PrivateServer, papers: Papers, lback_at: Any) -> None:
    url = server.url(papers.options(VERIFIED[server.service]))
    assert cipher(url, papers)
    assert_made(lback_at(url, "db", "init", "-o", "json"), url)
    alice = ("alice", "--email", "alice@example.org", "--generate-password")
    registered = lback_at(url, "user", "register", *alice, "-o", "json")
    assert registered.status == 0
    assert registered.err == "Registered alice; mailed a verification link to alice@example.org.\n"
    listed = lback_at(url, "user", "list", "-o", "json")
    assert (listed.status, listed.err) == (0, "")
    assert [*listed.result[0].items()] == [*registered.result.items()][:-1]
    examined = lback_at(url, "doctor", "-o", "json")
    assert (examined.status, {found["status"] for found in examined.result}, examined.err) == (0, {"ok"}, "")


def test_a_client_may_prove_who_it_is_in_turn(server: PrivateServer, papers: Papers, lback_at: Any) -> None:
    query = VERIFIED[server.service] + AS_CLIENT[server.service]
    url = server.url(papers.options(query), user="certified")
    assert cipher(url, papers)
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
        "sslmode=verify-full&sslrootcert=STRANGE_CA": [],
        "sslmode=verify-ca&sslrootcert=CA": BOTH,
        "sslmode=verify-ca&sslrootcert=STRANGE_CA": [],
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
        "ssl_ca=STRANGE_CA": [],
        "ssl_ca=STRANGE_CA&ssl_verify_cert=true": [],
        "ssl_ca=STRANGE_CA&ssl_verify_identity=false": [],
        "ssl_ca=CA&ssl_verify_identity=false": BOTH,
        "ssl_ca=CA&ssl_check_hostname=false": BOTH,
        "ssl_ca=STRANGE_CA&ssl_verify_cert=false": BOTH,
        "ssl_verify_cert=false": BOTH,
        "ssl_verify_identity=false": BOTH,
        "ssl_cert=CERT&ssl_key=KEY": BOTH,
        "ssl_disabled=false": BOTH,
        "": BOTH,
    },
}
"""Where one gets a connection: the certificate is for localhost, and the system trusts its authority."""


def test_as_much_is_verified_as_is_asked_for(
    server: PrivateServer, papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(papers["CA"]))
    expected = HOSTS[server.service]
    found = {
        query: [host for host in BOTH if is_encrypted(server.url(papers.options(query), host=host), papers)]
        for query in expected
    }
    assert found == expected


def is_encrypted(url: str, papers: Papers) -> bool:
    """False is for who is not proved to be the right one."""
    try:
        assert cipher(url, papers)
    except DatabaseError as error:
        if NOT_PROVED not in error.message:
            raise
        return False
    return True


def test_a_clients_key_may_be_locked(server: PrivateServer, papers: Papers) -> None:
    query = VERIFIED[server.service] + AS_CLIENT[server.service].replace("=KEY", "=LOCKED_KEY")
    assert cipher(server.url(papers.options(query + KEY_PASSWORD[server.service]), user="certified"), papers)


def test_an_encrypted_connection_that_is_lost(server: PrivateServer, papers: Papers) -> None:
    suicide = {"postgresql": "SELECT pg_terminate_backend(pg_backend_pid())", "mariadb": "KILL CONNECTION_ID()"}
    url = server.url(papers.options(VERIFIED[server.service]))
    with (
        database_at(url, papers) as database,
        pytest.raises(DatabaseError) as caught,
        database.session() as session,
    ):
        session.execute(text(suicide[server.service]))
    assert caught.value.message == f"The connection to the database {name(url)} was lost."


# Who is not

NOT_PROVED = "cannot be reached with these TLS options:"
LOOK = "Check the part of database.url after the question mark; see docs/databases.md."
AT = 'connection to server at "127.0.0.1", port {port} failed:'
ELSEWHERE = 'server certificate for "localhost" does not match host name "127.0.0.1"'
NO_ENTRY = f'{AT} FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "{{user}}", database "{{user}}",'
PYMYSQL = "Can't connect to MySQL server on '{host}' (certificate verify failed:"
NEITHER = (
    "refuses this user name or password.",
    "Check the user in database.url, and database.password_file, and whether this user has to use TLS.",
)

LOCAL, NUMERIC = {"host": "localhost", "user": "app"}, {"host": "127.0.0.1", "user": "app"}

REFUSED = {
    "postgresql": {
        "an authority that did not sign it": (
            ("sslmode=verify-full&sslrootcert=STRANGE_CA", LOCAL),
            (f"{NOT_PROVED} {AT} SSL error: certificate verify failed.", LOOK),
        ),
        "another host": (
            (VERIFIED["postgresql"], NUMERIC),
            (f"{NOT_PROVED} {AT} {ELSEWHERE}.", LOOK),
        ),
        "another host, and the system's authorities": (
            ("sslmode=verify-full&sslrootcert=system", NUMERIC),
            (f"{NOT_PROVED} {AT} {ELSEWHERE}.", LOOK),
        ),
        "no TLS": (
            ("sslmode=disable", LOCAL),
            (
                f"does not let this user in without TLS: {NO_ENTRY} no encryption.",
                "Add sslmode=verify-full to database.url; see docs/databases.md.",
            ),
        ),
        "a user whom the server does not expect": (
            (VERIFIED["postgresql"], LOCAL | {"user": "postgres"}),
            (
                f"does not let this user in from here: {NO_ENTRY} SSL encryption.",
                "Its administrator decides in pg_hba.conf who may connect, and from where.",
            ),
        ),
        "a user without the certificate of that user": (
            (VERIFIED["postgresql"], LOCAL | {"user": "certified"}),
            (f"{NOT_PROVED} {AT} FATAL:  connection requires a valid client certificate.", LOOK),
        ),
    },
    "mariadb": {
        "an authority that did not sign it": (
            (VERIFIED["mariadb"].replace("CA", "STRANGE_CA"), LOCAL),
            (f"{NOT_PROVED} {PYMYSQL} self-signed certificate in certificate chain).", LOOK),
        ),
        "another host": (
            (VERIFIED["mariadb"], NUMERIC),
            (f"{NOT_PROVED} {PYMYSQL} IP address mismatch, certificate is not valid for '{{host}}').", LOOK),
        ),
        "another host, and the system's authorities": (
            ("ssl_verify_cert=true", NUMERIC),
            (f"{NOT_PROVED} {PYMYSQL} IP address mismatch, certificate is not valid for '{{host}}').", LOOK),
        ),
        "no TLS": (("ssl_disabled=true", LOCAL), NEITHER),
        "a user whom the server does not expect": ((VERIFIED["mariadb"], LOCAL | {"user": "nosuch"}), NEITHER),
        "a user without the certificate of that user": (
            (VERIFIED["mariadb"], LOCAL | {"user": "certified"}),
            NEITHER,
        ),
    },
}
"""What is wrong: (options, who and where), (sentence, hint)."""


@pytest.mark.parametrize("wrong", REFUSED["postgresql"])
def test_nobody_is_let_in_who_is_not_proved_to_be_the_right_one(
    server: PrivateServer, papers: Papers, lback_at: Any, wrong: str
) -> None:
    (query, where), (sentence, hint) = REFUSED[server.service][wrong]
    url = server.url(papers.options(query), **where)
    said = sentence.format(port=server.port, **where)
    assert lback_at(url, "user", "list") == (9, "", f"error: The database {name(url)} {said}\n       {hint}\n")


def test_a_client_with_the_certificate_of_another_authority_is_refused(
    server: PrivateServer, papers: Papers, lback_at: Any
) -> None:
    client = AS_CLIENT[server.service].replace("=", "=STRANGE_")
    url = server.url(papers.options(VERIFIED[server.service] + client), user="certified")
    refused = lback_at(url, "user", "list")
    # By TLS 1.3 the server says so after the handshake, and may have hung up before PyMySQL listens.
    reason = {
        "postgresql": re.escape(f"{AT.format(port=server.port)} SSL error: tlsv1 alert unknown ca"),
        "mariadb": r"\w[\w' ]+ \((tlsv1 alert unknown ca|SSLEOFError\(8, 'EOF occurred in violation of protocol'\))\)",
    }[server.service]
    said = rf"error: The database {re.escape(name(url))} {NOT_PROVED} {reason}\.\n       {re.escape(LOOK)}\n"
    assert (refused.status, refused.out) == (9, "")
    assert re.fullmatch(said, refused.err), refused.err


def test_a_server_without_tls_is_not_used_where_tls_is_demanded(
    server_without_tls: PrivateServer, papers: Papers, lback_at: Any
) -> None:
    service, port = server_without_tls
    assert cipher(server_without_tls.url({}), papers) is None
    url = server_without_tls.url(papers.options(VERIFIED[service]))
    reason = {
        "postgresql": f"{AT.format(port=port)} server does not support SSL, but SSL was required",
        "mariadb": "SSL is required but the server doesn't support it",
    }[service]
    said = f"error: The database {name(url)} {NOT_PROVED} {reason}.\n       {LOOK}\n"
    assert lback_at(url, "user", "list") == (9, "", said)


PAIR = "ssl_cert with ssl_key and ssl_key_password cannot be used:"

UNUSABLE = {
    "postgresql": {
        "sslmode=maybe": 'connection is bad: invalid sslmode value: "maybe"',
        "sslmode=verify-full&sslrootcert=/nowhere": f'{AT} root certificate file "/nowhere" does not exist',
        "sslmode=verify-full&sslrootcert=PASSWORD": (
            f'{AT} could not read root certificate file "{{papers}}/PASSWORD": no certificate or crl found'
        ),
        "sslcert=CERT&sslkey=/nowhere": f'{AT} certificate present, but not private key file "/nowhere"',
        "sslcert=CERT&sslkey=STRANGE_KEY": (
            f'{AT} could not load private key file "{{papers}}/STRANGE_KEY": key values mismatch'
        ),
    },
    "mariadb": {
        "ssl_verify_cert=maybe": "ssl_verify_cert must be true or false",
        "ssl_ca=/nowhere": "ssl_ca cannot be used: No such file or directory",
        "ssl_ca=PASSWORD": "ssl_ca cannot be used: no certificate or crl found",
        "ssl_cert=CERT&ssl_key=/nowhere": f"{PAIR} No such file or directory",
        "ssl_cert=CERT&ssl_key=STRANGE_KEY": f"{PAIR} key values mismatch",
        "ssl_cert=CERT&ssl_key=LOCKED_KEY": f"{PAIR} PEM lib",
        "ssl_cipher=nonsense": "ssl_cipher cannot be used: No cipher can be selected",
    },
}


def test_options_that_cannot_be_used(server: PrivateServer, papers: Papers) -> None:
    for query, reason in UNUSABLE[server.service].items():
        url = server.url(papers.options(query))
        what, hint = {
            "postgresql": (f"The database {name(url)} {NOT_PROVED}", LOOK),
            "mariadb": ("database.url:", "TLS options are in docs/databases.md."),
        }[server.service]
        with pytest.raises(LbackError) as caught:
            cipher(url, papers)
        said = (f"{what} {reason.format(port=server.port, papers=papers.directory)}.", hint)
        assert (caught.value.message, caught.value.hint) == said, query
