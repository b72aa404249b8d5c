"""Where a password comes from. It is never the value of an option, which other users of the machine can see."""

import codecs
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.prompts import TRIES, ask_hidden, has_terminal, say, show_refusal
from lback_cli.errors import Unusable, UsageError, ValidationError

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
Invited = Annotated[
    bool,
    typer.Option("--invite", help="Set no password; mail the user a link that sets it.", rich_help_panel=PANEL),
]
AskPassword = Annotated[
    bool, typer.Option("--ask-password", help="Ask for the password on the terminal.", rich_help_panel=PANEL)
]


@dataclass(slots=True)
class PasswordSource:
    """Reads a password when it is needed, from the one source that the options name.

    Attributes:
        new: Whether the password is a new one, which is asked for twice and must be allowed.
        invite: Whether there is to be no password; None if the command cannot invite.
        generated: The generated password, if there is one. The result shows it.
    """

    context: CliContext
    stdin: bool = False
    file: Path | None = None
    generate: bool = False
    ask: bool = False
    invite: bool | None = None
    new: bool = True
    generated: str | None = None
    _read_already: str | None = None

    def __post_init__(self) -> None:
        """Raise `UsageError` for several sources, or for none without a terminal.

        Raise `Unusable` for a password to generate that cannot be shown.
        """
        named = [self.stdin, self.file is not None, self.generate, self.ask, bool(self.invite)].count(True)
        if named > 1:
            raise UsageError(f"Use one of {self._options}, not several.")
        if named == self.ask and not has_terminal():
            raise UsageError("There is no terminal to ask for the password.", hint=f"Use {self._options}.")

        if self.generate and getattr(self.context.output.format.out, "name", None) == os.devnull:
            raise Unusable("Standard output is closed, so the generated password cannot be shown.")

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

    @property
    def _options(self) -> str:
        names = ["--password-stdin", "--password-file"]
        names += ["--generate-password"] if self.new else []
        names += ["--invite"] if self.invite is not None else []
        return f"{', '.join(names[:-1])} or {names[-1]}"

    def prefetch(self) -> None:
        """Read the password now, and hash it while the command loads its other parts.

        This does not ask a person yet, because the command may not need the password.
        """
        if not (self.stdin or self.file or self.generate):
            return
        self._read_already = self.read()
        self.context.hasher.hash_in_background(self._read_already)

    def for_new_user(self, username: str, email: str) -> str | Callable[[], str] | None:
        """Return the password of a user to register, or a function that reads it; None for an invited user."""
        if self.invite:
            return None
        return self._read_already or partial(self.read, username, email)

    def for_user(self, user_id: int) -> str:
        """Return the new password of the user with that id. For an unknown user no person is asked in vain."""
        if self._read_already is not None or self.stdin or self.file or self.generate:
            return self.read()
        user = self.context.before_operation(lambda: self.context.directory.find_by_id(user_id), None)
        return "" if user is None else self.read(user.username, user.email)

    def read(self, username: str = "", email: str = "") -> str:
        """Return the password of the user called *username*.

        Raises:
            UsageError: There is no password.
        """
        if self._read_already is not None:
            return self._read_already
        if self.generate:
            from lback_cli.security.password_generator import generate_password

            self.generated = generate_password(minimum_length=self.context.settings.password.minimum_length)
            return self.generated
        if self.stdin:
            return read_stdin("Password: ")
        if self.file is not None:
            return self._read_file(self.file)
        return self._ask_new(username, email) if self.new else ask_hidden(f"Password of {username}: ")

    def _read_file(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                    self.context.output.warning(f"Other users can read {path}.", hint=f"Run: chmod 600 {path}")
                elif sys.platform != "win32" and status.st_uid not in {0, os.geteuid()}:
                    self.context.output.warning(
                        f"{path} belongs to another user, who can read it.", hint="Use a file of your own."
                    )
                return _decoded(file.read(LARGEST_INPUT))
        except OSError as error:
            raise UsageError(f"--password-file: cannot read {path}: {error.strerror or error}.") from error

    def _ask_new(self, username: str, email: str) -> str:
        """Ask until a password is allowed and repeated. The last one is returned even if it is not allowed."""
        policy = self.context.dependencies.policy
        whose = f" for {username} ({email})" if username else ""
        say(f"Choose a password{whose}.", policy.rules)
        for tries_left in reversed(range(TRIES)):
            password = ask_hidden("Password: ")
            try:
                policy.check(password, username=username, email=email)
            except ValidationError as error:
                if not tries_left:
                    return password  # the operation refuses it, with its signals
                show_refusal(error)
                continue
            if ask_hidden("Repeat the password: ") == password:
                return password
            if tries_left:
                say("The two passwords differ.")
        raise UsageError("The two passwords differ.")


def read_stdin(prompt: str) -> str:
    """Return a secret from standard input, without the line end after it. A terminal does not show it."""
    if sys.stdin is None:
        raise UsageError("Standard input is closed.")
    return ask_hidden(prompt) if sys.stdin.isatty() else _decoded(sys.stdin.buffer.read(LARGEST_INPUT))


def read_token(argument: str) -> str:
    """Return the token. ``-`` reads it from standard input, which keeps it out of the process list."""
    return read_stdin("Token: ") if argument == STDIN else argument


def _decoded(raw: bytes) -> str:
    # Editors on Windows write a byte order mark, which cannot be typed at a login.
    text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").removesuffix("\r")
