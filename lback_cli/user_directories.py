"""The directories for the user's files, by the XDG Base Directory Specification or the customs of the system."""

from pathlib import Path
from typing import Literal


def user_directory(kind: Literal["config", "data", "state"]) -> Path | None:
    """Return lback's directory for the user's files of that *kind*, or None for a user without a home directory.

    In a container, the user id may belong to no account.
    """
    import platformdirs

    directories = {
        "config": platformdirs.user_config_path,
        "data": platformdirs.user_data_path,
        "state": platformdirs.user_state_path,
    }
    try:
        return directories[kind]("lback")
    except RuntimeError:
        return None
