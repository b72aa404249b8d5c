"""The scripts that complete lback in a shell, and where a shell reads them."""

import os
from pathlib import Path
from typing import Literal

Shell = Literal["bash", "zsh", "fish"]

_FILES: dict[Shell, str] = {"bash": "lback.bash", "zsh": "_lback", "fish": "lback.fish"}


def read_script(shell: Shell) -> str:
    """Return the script for *shell*."""
    return (Path(__file__).with_name("scripts") / _FILES[shell]).read_text("utf-8")


def install_script(shell: Shell) -> Path:
    """Write the script for *shell* to a file of the user that the shell reads, and return the path.

    No start-up file of a shell is changed.
    """
    path = _path(shell)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(read_script(shell), "utf-8")
    return path


def _path(shell: Shell) -> Path:
    home = Path.home()
    match shell:
        case "bash":
            data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
            own = os.environ.get("BASH_COMPLETION_USER_DIR")
            return (Path(own) if own else data / "bash-completion") / "completions" / "lback"
        case "zsh":
            return Path(os.environ.get("ZDOTDIR") or home) / ".zfunc" / "_lback"
        case "fish":
            config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
            return config / "fish" / "completions" / "lback.fish"
