"""TLS options for PyMySQL.

SQLAlchemy passes some TLS options of a URL in a dict and the others as keywords. PyMySQL then ignores the dict, and
with it the certificate authority's file, if a keyword asks for verification. It also treats the text "false" as true,
and does not verify the host name unless the URL names a file. So this module builds the TLS context itself.
"""

import re
from collections.abc import Mapping
from typing import Any

from lback_cli.errors import ConfigurationError

_OPTIONS = (
    *("ca", "capath", "cert", "key", "key_password", "cipher"),
    *("check_hostname", "disabled", "verify_cert", "verify_identity"),
)
_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_HINT = "TLS options are in docs/databases.md."

_HANDSHAKE_FAILED = 2026
"""CR_SSL_CONNECTION_ERROR. PyMySQL itself uses it only for a server without TLS."""


def connect(dialect: Any, options: Mapping[str, Any]) -> Any:
    """Return a driver connection.

    The certificate and its host name are verified if the options ask for either or name an authority, unless an option
    turns that off. Without an authority, the system's authorities are used.

    Raises:
        ConfigurationError: A TLS option cannot be used.
        Exception: The driver's own error.
    """
    rest = dict(options)
    tls = dict(rest.pop("ssl", {}))
    tls |= {name: rest.pop(f"ssl_{name}") for name in _OPTIONS if f"ssl_{name}" in rest}
    if _flag(tls, "disabled"):
        rest["ssl_disabled"] = True
    elif tls.keys() - {"disabled"}:
        rest["ssl"] = _context(tls)
    try:
        return dialect.connect(**rest)
    except dialect.loaded_dbapi.Error as error:
        # PyMySQL reports a TLS error as an unreachable server, or as a lost connection: in TLS 1.3 the server refuses
        # the client's certificate after the handshake.
        if "(_ssl.c:" in str(error):
            error.args = (_HANDSHAKE_FAILED, _plain(str(error.args[-1])))
        raise


def _context(tls: Mapping[str, Any]) -> Any:
    import ssl

    check_name = _flag(tls, "verify_identity", _flag(tls, "check_hostname"))
    verified = _flag(tls, "verify_cert", bool(check_name or "ca" in tls or "capath" in tls))
    options = "ssl_ca"
    try:
        context = ssl.create_default_context(cafile=tls.get("ca"), capath=tls.get("capath"))
        # As in PyMySQL: the authority that a MySQL server creates for itself would not pass.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = bool(verified if check_name is None else check_name)
        context.verify_mode = ssl.CERT_REQUIRED if verified or check_name else ssl.CERT_NONE
        if "cert" in tls:
            options = "ssl_cert with ssl_key and ssl_key_password"
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(tls["cert"], tls.get("key"), tls.get("key_password", ""))
        if "cipher" in tls:
            options = "ssl_cipher"
            context.set_ciphers(tls["cipher"])
    except OSError as error:
        reason = _plain(error.strerror or str(error.args[-1])).rstrip(".")
        raise ConfigurationError(f"database.url: {options} cannot be used: {reason}.", hint=_HINT) from error
    return context


def _plain(words: str) -> str:
    """Remove OpenSSL's name of the error and the line of C code from Python's message."""
    return re.sub(r"\[[A-Z0-9]+(: \w+)?\] |\.? \(_ssl\.c:\d+\)", "", words)


def _flag(tls: Mapping[str, Any], name: str, default: bool | None = None) -> bool | None:
    if name not in tls:
        return default
    flag = _FLAGS.get(str(tls[name]).lower())
    if flag is None:
        raise ConfigurationError(f"database.url: ssl_{name} must be true or false.", hint=_HINT)
    return flag
