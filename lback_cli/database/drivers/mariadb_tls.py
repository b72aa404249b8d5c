"""TLS to MariaDB, by PyMySQL.

Left alone, SQLAlchemy hands it some of a URL's TLS options in a dict and the others as words. PyMySQL then drops the
dict, and with it the authority's file, where one of the words says that the certificate is to be verified. It also
takes the word "false" for true, and verifies no name where no file is named.
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
"""CR_SSL_CONNECTION_ERROR, which PyMySQL itself uses only for a server without TLS."""


def connect(dialect: Any, options: Mapping[str, Any]) -> Any:
    """A connection of the driver's.

    The certificate and the name in it are verified where either is asked for or an authority is named, except for what
    is switched off. Without an authority it is the system's. Raises `ConfigurationError` for TLS options that cannot be
    used, and else what the driver raises.
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
        # To PyMySQL that is a server out of reach or, as with TLS 1.3 the client's certificate is refused only after
        # the handshake, a connection that was lost.
        if "(_ssl.c:" in str(error):
            error.args = (_HANDSHAKE_FAILED, _plain(str(error.args[-1])))
        raise


def _context(tls: Mapping[str, Any]) -> Any:
    import ssl

    asked = _flag(tls, "verify_identity", _flag(tls, "check_hostname"))
    verified = _flag(tls, "verify_cert", bool(asked or "ca" in tls or "capath" in tls))
    at = "ssl_ca"
    try:
        context = ssl.create_default_context(cafile=tls.get("ca"), capath=tls.get("capath"))
        # As PyMySQL has it: the authority that a MySQL server makes for itself would not pass.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = bool(verified if asked is None else asked)
        context.verify_mode = ssl.CERT_REQUIRED if verified or asked else ssl.CERT_NONE
        if "cert" in tls:
            at = "ssl_cert with ssl_key and ssl_key_password"
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(tls["cert"], tls.get("key"), tls.get("key_password", ""))
        if "cipher" in tls:
            at = "ssl_cipher"
            context.set_ciphers(tls["cipher"])
    except OSError as error:
        reason = _plain(error.strerror or str(error.args[-1])).rstrip(".")
        raise ConfigurationError(f"database.url: {at} cannot be used: {reason}.", hint=_HINT) from error
    return context


def _plain(words: str) -> str:
    """What Python says of a TLS error, without OpenSSL's name for it and the line of C that found it."""
    return re.sub(r"\[[A-Z0-9]+(: \w+)?\] |\.? \(_ssl\.c:\d+\)", "", words)


def _flag(tls: Mapping[str, Any], name: str, default: bool | None = None) -> bool | None:
    if name not in tls:
        return default
    flag = _FLAGS.get(str(tls[name]).lower())
    if flag is None:
        raise ConfigurationError(f"database.url: ssl_{name} must be true or false.", hint=_HINT)
    return flag
