"""HTTP proxies: a tunnel through which an encrypted connection goes (CONNECT, RFC 9110, section 9.3.6)."""

import base64
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from lback_cli.deadline import Deadline, DeadlineSocket, connect, encrypt
from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks.base import SinkUnavailable
from lback_cli.relay.sinks.network import parse_url

_DEFAULT_PORT = 8080
_MAX_HEAD = 16 * 1024
"""Bytes of a proxy's answer before the tunnel."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy: where it is, and the header with which lback logs in, if there is one."""

    host: str
    port: int
    login: bytes

    @classmethod
    def of(cls, name: str, url: str, *, encrypted: bool) -> "Proxy":
        """Return the proxy of the sink *name*, whose connections are *encrypted* or not.

        Raises:
            ConfigurationError: If it is not the URL of an HTTP proxy, or the connections are not encrypted.
        """
        parts = parse_url(f"relay.{name}.proxy", url)
        if parts.scheme != "http" or parts.path.strip("/") or parts.query:
            raise ConfigurationError(
                f"relay.{name}.proxy is not the URL of an HTTP proxy.", hint="Write http://host:port."
            )
        if not encrypted:
            raise ConfigurationError(
                f"relay.{name}.proxy is set, but relay.{name}.url is not encrypted.", hint="Use https://."
            )
        login = b""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            login = b"Proxy-Authorization: Basic " + base64.b64encode(pair) + b"\r\n"
        return cls(parts.hostname or "", parts.port or _DEFAULT_PORT, login)

    def connect(self, host: str, port: int, deadline: Deadline, context: ssl.SSLContext | None) -> DeadlineSocket:
        """Return an encrypted connection to *host* through the proxy.

        Raises:
            SinkUnavailable: If the proxy does not let it through.
            OSError: If the proxy cannot be reached, or the server is not trusted.
        """
        assert context is not None
        tunnel = connect(self.host, self.port, deadline, None)
        try:
            target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            tunnel.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode() + self.login + b"\r\n")
            _require_tunnel(tunnel, target)
            return encrypt(tunnel, host, deadline, context)
        except BaseException:
            tunnel.close()
            raise


def _require_tunnel(tunnel: DeadlineSocket, target: str) -> None:
    """Read the head of the proxy's answer, and not a byte of what follows it. Raises `SinkUnavailable`."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = tunnel.recv(1)
        if not byte or len(head) > _MAX_HEAD:
            raise SinkUnavailable("the proxy does not answer as an HTTP proxy")
        head += byte
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():  # noqa: PLR2004 - RFC 9112
        raise SinkUnavailable("the proxy does not answer as an HTTP proxy")
    status = int(words[1])
    if status // 100 != HTTPStatus.OK // 100:
        raise SinkUnavailable(f"the proxy answers {status} to a connection to {target}")
