"""What a command shows on a terminal."""

from typing import Any

import pexpect


def ended(child: Any) -> tuple[int, str]:
    """Return the exit code, and what the terminal showed since the last prompt."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before.decode().replace("\r\n", "\n")
