"""Secrets that the configuration names by file, so that it holds none itself."""

from pathlib import Path

from lback_cli.errors import ConfigurationError


def read_secret(path: Path, key: str) -> str:
    """The first line of *path*. Raises `ConfigurationError`, naming *key*, when it cannot be read or is empty."""
    try:
        with path.open(encoding="utf-8") as file:
            secret = file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"{key}: cannot read {path}: {reason}.",
            hint=f"Mend {key}, or make the file readable for whoever runs lback.",
        ) from error
    if not secret:
        raise ConfigurationError(f"{key}: the first line of {path} is empty.", hint="Write the password there.")
    return secret
