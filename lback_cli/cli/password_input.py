"""Where a password comes from. It is never the value of an option, which other users of the machine can see."""

import getpass
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.context import CliContext
from lback_cli.errors import UsageError

STDIN = "-"
"""As a token: read the token from standard input."""

LARGEST_INPUT = 64 * 1024
"""Maximum number of bytes to read. The policy refuses a password of that size."""

PANEL = "Password"

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.", rich_help_panel=PANEL)
]
FromFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="Read the password from a file.", metavar="PATH", rich_help_panel=PANEL),
]
Generated = Annotated[
    bool,
    typer.Option(
        "--generate-password", help="Generate a password, and show it once in the result.", rich_help_panel=PANEL
    ),
]
AskPassword = Annotated[
    bool, typer.Option("--ask-password", help="Ask for the password on the terminal.", rich_help_panel=PANEL)
]


@dataclass(slots=True)
class PasswordSource:
    """Reads a password when it is needed, from the one source that the options name.

    Attributes:
        generated: The generated password, if there is one. The result shows it.
    """

    context: CliContext
    stdin: bool = False
    file: Path | None = None
    generate: bool = False
    ask: bool = False
    confirm: bool = True
    generated: str | None = None
    _read_already: str | None = None

    def __post_init__(self) -> None:
        """Raise `UsageError` for several sources, or for none without a terminal."""
        named = [self.stdin, self.file is not None, self.generate, self.ask].count(True)
        options = "--password-stdin, --password-file or --generate-password"
        if not self.confirm:
            options = "--password-stdin or --password-file"
        if named > 1:
            raise UsageError(f"Use one of {options}, not several.")
        if named == self.ask and not (sys.stdin is not None and sys.stdin.isatty()):
            raise UsageError("There is no terminal to ask for the password.", hint=f"Use {options}.")

    @classmethod
    def optional(
        cls, context: CliContext, stdin: bool, file: Path | None, generate: bool, ask: bool
    ) -> "PasswordSource | None":
        """Return the source that the options name, or None if they name none."""
        if not (stdin or file or generate or ask):
            return None
        return cls(context, stdin, file, generate, ask)

    @property
    def extra(self) -> dict[str, str]:
        """The fields that the result shows besides the user."""
        return {} if self.generated is None else {"generated_password": self.generated}

    def prefetch(self) -> None:
        """Read the password now, and hash it while the command loads its other parts.

        This does not ask a person yet, because the command may not need the password.
        """
        if not (self.stdin or self.file or self.generate):
            return
        self._read_already = self._read()
        self.context.hasher.hash_in_background(self._read_already)

    def read(self) -> str:
        """Return the password.

        Raises:
            UsageError: There is no password.
        """
        return self._read() if self._read_already is None else self._read_already

    def _read(self) -> str:
        if self.generate:
            from lback_cli.security.password_generator import generate_password

            self.generated = generate_password(minimum_length=self.context.settings.password.minimum_length)
            return self.generated
        if self.stdin:
            return read_stdin()
        if self.file is not None:
            return self._read_file(self.file)
        return self._ask()

    def _read_file(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                    self.context.output.warning(f"Other users can read {path}.", hint=f"Run: chmod 600 {path}")
                return _decoded(file.read(LARGEST_INPUT))
        except OSError as error:
            raise UsageError(f"--password-file: cannot read {path}: {error.strerror or error}.") from error

    def _ask(self) -> str:
        try:
            password = getpass.getpass("Password: ")
            if self.confirm and getpass.getpass("Repeat the password: ") != password:
                raise UsageError("The two passwords differ.")
        except EOFError as error:
            raise UsageError("No password was entered.") from error
        except UnicodeDecodeError as error:
            raise UsageError("The password is not text in the terminal's encoding.") from error
        return password


def read_stdin() -> str:
    """Return a secret from standard input, without the line end after it."""
    if sys.stdin is None:
        raise UsageError("Standard input is closed.")
    return _decoded(sys.stdin.buffer.read(LARGEST_INPUT))


def read_token(argument: str) -> str:
    """Return the token. ``-`` reads it from standard input, which keeps it out of the process list."""
    return read_stdin() if argument == STDIN else argument


def _decoded(raw: bytes) -> str:
    text = raw.decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").removesuffix("\r")
