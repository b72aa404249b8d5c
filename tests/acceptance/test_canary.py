"""A long session with known passwords and tokens, after which all files and outputs are searched for them."""

import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Watched:
    """Runs the command, and records its output, command line and environment."""

    def __init__(self, lback: Any) -> None:
        self._lback = lback
        self.written: list[str] = []
        self.samples: set[bytes] = set()

    def __call__(self, *arguments: str, input: str = "", **variables: str) -> tuple[int, str]:  # noqa: A002
        process = self._lback.start(*arguments, stdin=-1, **variables)
        over = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(process.pid, over))
        sampler.start()
        out, err = process.communicate(input.encode(), timeout=60)
        over.set()
        sampler.join()
        self.written += [out.decode(), err.decode()]
        assert ("Traceback" in self.written[-1]) <= ("--debug" in arguments)
        return process.returncode, out.decode()

    def _sample(self, pid: int, over: threading.Event) -> None:
        while not over.wait(0.01):
            for name in ("cmdline", "environ"):
                try:
                    self.samples.add(Path(f"/proc/{pid}/{name}").read_bytes())
                except OSError:
                    continue


class Secrets:
    """Generates unique passwords and remembers them."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def password(self) -> str:
        self.made.append(f"canary {secrets.token_hex(4)} perched {secrets.token_hex(4)}")
        return self.made[-1]


@pytest.fixture
def watched(lback: Any) -> Watched:
    return Watched(lback)


def _files(directory: Path) -> Iterator[tuple[Path, bytes]]:
    for path in directory.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def test_no_password_or_token_is_left_anywhere(  # noqa: PLR0915 - one long session
    lback: Any, watched: Watched, smtp_server: Callable[..., Any], token_in: Callable[[Any], str]
) -> None:
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("this system has no /proc to look into")
    relay_password = f"relay-{secrets.token_hex(8)}"
    server = smtp_server("starttls", login=("lback", relay_password))
    password_file = server.environment["LBACK_EMAIL_PASSWORD_FILE"]
    lback.environment.update(server.environment)
    made, tokens = Secrets(), []
    rich = ("--trace-signals", "--trace-file", str(lback.directory / "trace.txt"))
    as_json = ("--trace-format", "json", "--trace-file", str(lback.directory / "trace.jsonl"))
    stdin = "--password-stdin"

    # An open reader keeps the write-ahead log from being folded into the database and deleted.
    assert watched("db", "init")[0] == 0
    reader = sqlite3.connect(lback.database)
    reader.execute("SELECT count(*) FROM users").fetchone()

    register = ("user", "register", "alice", "--email", "alice@example.org", stdin)
    first = made.password()
    assert watched(*register, *rich, "--debug", input=first)[0] == 0
    tokens.append(token_in(server.messages[-1].message))
    assert watched(*register, *as_json, "--debug", input=made.password())[0] == 6
    bob = ("user", "register", "bob", "--email", "bob@example.org", stdin)
    assert watched(*bob, *rich, "--debug", input=made.password(), LBACK_EMAIL_PORT="1")[0] == 9
    assert watched(*bob, *as_json, "-o", "json", input=made.password(), LBACK_EMAIL_USERNAME="other")[0] == 9
    assert watched(*bob, *rich, "--debug", input=f"{made.password()}\0")[0] == 7
    made.made += ["brief canary", secrets.token_hex(2) * 5]
    for refused in made.made[-2:]:
        assert watched(*bob, *as_json, "--debug", input=refused)[0] == 7

    assert watched("user", "verify-email", "-", *rich, "--debug", input=f"{tokens[0]}x")[0] == 7
    tokens.append(f"{tokens[0]}x")
    assert watched("user", "verify-email", "-", *as_json, input=tokens[0])[0] == 0

    authenticate = ("user", "authenticate", "alice", stdin)
    assert watched(*authenticate, *rich, input=first)[0] == 0
    assert watched(*authenticate, *as_json, "--debug", input=made.password())[0] == 4
    assert watched(*authenticate, *rich, "--debug", input=f"{made.password()}\0")[0] == 4

    second = made.password()
    update = ("user", "update", "alice", stdin)
    assert watched(*update, *rich, "--debug", input=second)[0] == 0
    assert watched(*update, *as_json, "--username", "no such name", "--debug", input=made.password())[0] == 7
    assert watched(*update, *rich, "--debug", input=made.password(), LBACK_EMAIL_PORT="1")[0] == 9

    assert watched("user", "request-password-reset", "alice", *as_json, "--debug")[0] == 0
    tokens.append(token_in(server.messages[-1].message))
    assert watched("user", "request-password-reset", "alice", *rich, "--debug", LBACK_EMAIL_PORT="1")[0] == 9
    new = lback.directory / "new"
    reset = ("user", "reset-password", "--token", "-", "--password-file", str(new))
    for attempt, status in ((f"{tokens[-1]}y", 7), (tokens[-1], 0), (tokens[-1], 7)):
        new.write_text(made.password())
        new.chmod(0o600)
        tokens.append(attempt)
        assert watched(*reset, *as_json, "--debug", input=attempt)[0] == status
    new.unlink()
    assert watched("user", "reset-password", "alice", stdin, *rich, "--debug", input=made.password())[0] == 0

    status, out = watched("user", "reset-password", "alice", "--generate-password", *as_json, "--debug")
    shown = re.search(r"^generated password +(\S+)$", out, re.MULTILINE)
    assert status == 0
    assert shown is not None
    generated = shown[1]
    assert watched(*authenticate, *rich, input=generated)[0] == 0
    assert watched("config", "show")[0] == 0

    written = "".join(watched.written)
    assert written.count(generated) == 1, "shown once, in the result"
    places = {str(path): content for path, content in _files(lback.directory)}
    assert any(name.endswith("-wal") and content for name, content in places.items()), (
        "the log was there to be searched"
    )
    places |= {"output": written.replace(generated, "").encode()}
    places |= {f"/proc, {number}": sample for number, sample in enumerate(watched.samples)}
    assert len(watched.samples) > 20, "the processes were seen while they ran"
    assert password_file not in places, "the relay's password is kept outside what is searched"
    for secret in (*made.made, generated, relay_password):
        found = [name for name, content in places.items() if secret.encode() in content]
        assert not found, "a password was left"
    for token in tokens:
        for number in range(len(token) - 10):
            piece = token[number : number + 11].encode()
            found = [name for name, content in places.items() if piece in content]
            assert not found, "more of a token than its prefix was left"
    assert any(token[:10].encode() in places[str(lback.directory / "trace.jsonl")] for token in tokens)
    reader.close()
