"""Database servers for tests: in a new directory, on a free port, and deleted afterwards."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from sqlalchemy.engine import URL

PASSWORD = "canary-5d0c72"

TIMEOUT = 60
"""Seconds within which a server must start, or stop."""


class MissingServer(Exception):  # noqa: N818 - the tests skip
    """This machine lacks the server's programs, or the account that root must run it as."""


class DatabaseServer(NamedTuple):
    """A server on 127.0.0.1 with the users app and certified, each with a database of that name.

    A server with a certificate requires TLS from both, and a client certificate from ``certified``.
    """

    service: str
    port: int

    def url(self, options: dict[str, str], *, host: str = "localhost", user: str = "app") -> str:
        driver = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}[self.service]
        return URL.create(driver, user, host=host, port=self.port, database=user, query=options).render_as_string()


@contextmanager
def start_server(
    service: str,
    authority: trustme.CA | None = None,
    certificate: trustme.LeafCert | None = None,
    *,
    settings: Mapping[str, str] | None = None,
) -> Iterator[DatabaseServer]:
    """Run a server with *settings*, which trusts *authority*. Raises `MissingServer`."""
    account, prepare, ready, end = {
        "postgresql": ("postgres", _postgresql, b"ready to accept connections", signal.SIGQUIT),
        "mariadb": ("mysql", _mariadb, b"ready for connections", signal.SIGKILL),
    }[service]
    with server_directory(account) as (directory, identity):
        if certificate is not None and authority is not None:
            write_file(directory, "ca.pem", authority.cert_pem.bytes())
            write_file(directory, "cert.pem", b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
            write_file(directory, "key.pem", certificate.private_key_pem.bytes())
        port = free_port()
        command = prepare(directory, port, identity, encrypted=certificate is not None)
        command += [f"--{name}={value}" for name, value in (settings or {}).items()]
        with _running(command, directory / "log", identity, ready, end):
            yield DatabaseServer(service, port)


@contextmanager
def server_directory(account: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Create a directory, and yield it with the options of `subprocess` for a server in it.

    For root they switch to *account*, because the servers refuse to run as root.
    """
    user = None
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam(account)
        except KeyError:
            raise MissingServer(f"it does not run as root, and there is no account {account}") from None
    # Not in a directory of pytest, which only its own user can enter.
    directory = Path(tempfile.mkdtemp(prefix="lback-"))
    identity: dict[str, Any] = {"cwd": directory, "stdin": subprocess.DEVNULL}
    if user is not None:
        os.chown(directory, user.pw_uid, user.pw_gid)
        identity |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    try:
        yield directory, identity
    finally:
        shutil.rmtree(directory)


def write_file(directory: Path, name: str, content: bytes | str) -> None:
    """Write a file that only the directory's owner can read."""
    path = directory / name
    path.touch(0o600)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.chown(path, directory.stat().st_uid, directory.stat().st_gid)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def program(name: str, *directories: Path) -> str:
    path = os.pathsep.join([*map(str, directories), os.environ["PATH"], "/usr/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise MissingServer(f"there is no program {name}")
    return found


def run_program(command: list[str], identity: dict[str, Any], input: str | None = None) -> None:  # noqa: A002
    options = identity if input is None else {key: value for key, value in identity.items() if key != "stdin"}
    done = subprocess.run(command, **options, input=input, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _running(
    command: list[str], log: Path, identity: dict[str, Any], ready: bytes, end: signal.Signals
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **identity)
    try:
        deadline = time.monotonic() + TIMEOUT
        while ready not in log.read_bytes():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
            alive = process.returncode is None and time.monotonic() < deadline
            assert alive, log.read_text("utf-8", "replace")
        yield
    finally:
        process.send_signal(end)
        try:
            process.wait(TIMEOUT)
        finally:
            process.kill()


def _postgresql(directory: Path, port: int, identity: dict[str, Any], *, encrypted: bool) -> list[str]:
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))[-1:]
    initdb, postgres = program("initdb", *newest), program("postgres", *newest)
    run_program(
        [initdb, "-D", "data", "-U", "postgres", "-A", "reject", "-E", "UTF8", "--locale=C", "--no-sync"], identity
    )
    lines = ["hostssl certified certified all cert", "hostssl app app all scram-sha-256"]
    write_file(
        directory, "data/pg_hba.conf", "\n".join(lines if encrypted else ["host all all all scram-sha-256"]) + "\n"
    )
    statements = [
        f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'",
        "CREATE DATABASE app OWNER app",
        "CREATE ROLE certified LOGIN",
        "CREATE DATABASE certified OWNER certified",
    ]
    run_program(
        [postgres, "--single", "-D", "data", "postgres"], identity, "".join(f"{line};\n" for line in statements)
    )
    settings = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    if encrypted:
        files = {"ssl_ca_file": "ca.pem", "ssl_cert_file": "cert.pem", "ssl_key_file": "key.pem"}
        settings |= {"ssl": "on"} | {key: str(directory / name) for key, name in files.items()}
    return [postgres, "-D", "data", *(f"--{key}={value}" for key, value in settings.items())]


def _mariadb(directory: Path, port: int, identity: dict[str, Any], *, encrypted: bool) -> list[str]:
    install, mariadbd = program("mariadb-install-db"), program("mariadbd")
    data = f"--datadir={directory / 'data'}"
    run_program([install, "--no-defaults", data, "--skip-test-db"], identity)
    statements = [
        f"CREATE USER app IDENTIFIED BY '{PASSWORD}' REQUIRE {'SSL' if encrypted else 'NONE'}",
        "CREATE DATABASE app",
        "GRANT ALL ON app.* TO app",
        f"CREATE USER certified IDENTIFIED BY '{PASSWORD}' REQUIRE X509",
        "CREATE DATABASE certified",
        "GRANT ALL ON certified.* TO certified",
    ]
    write_file(directory, "users.sql", "".join(f"{line};\n" for line in statements))
    settings = {
        "bind-address": "127.0.0.1",
        "port": str(port),
        "socket": str(directory / "socket"),
        "pid-file": str(directory / "pid"),
        "init-file": str(directory / "users.sql"),
    }
    if encrypted:
        settings |= {f"ssl-{name}": str(directory / f"{name}.pem") for name in ("ca", "cert", "key")}
    return [mariadbd, "--no-defaults", data, *(f"--{key}={value}" for key, value in settings.items())]
