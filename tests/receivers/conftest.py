"""Plugins and hooks for the installed `lback`, and the trace and rows that it leaves."""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

PASSWORD = "purple giraffes yodel at dusk"


@dataclass
class Workshop:
    """Writes modules and hooks, and runs the command of the fixture *lback* with them."""

    lback: Any
    modules: tuple[str, ...] = ()

    @property
    def modules_directory(self) -> Path:
        return Path(self.lback.directory / "modules")

    @property
    def hooks_directory(self) -> Path:
        return Path(self.lback.directory / "hooks")

    def module(self, name: str, code: str) -> None:
        """Write a module with receivers, and configure it."""
        self.modules_directory.mkdir(exist_ok=True)
        (self.modules_directory / f"{name}.py").write_text(dedent(code))
        self.modules += (name,)

    def distribution(self, name: str, entry_point: str) -> None:
        """Write the metadata of an installed distribution with one *entry_point*."""
        metadata = self.modules_directory / f"{name}-1.2.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(f"[lback.receivers]\n{entry_point}\n")

    def hook(self, name: str, script: str, *, shebang: str = "#!/bin/sh") -> Path:
        """Write an executable hook; *name* is ``signal/name``."""
        path = self.hooks_directory / name
        for directory in (self.hooks_directory, path.parent):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o755)
        path.write_text(f"{shebang}\n{dedent(script)}")
        path.chmod(0o755)
        return path

    @property
    def variables(self) -> dict[str, str]:
        found = {"PYTHONPATH": str(self.modules_directory), "PYTHONDONTWRITEBYTECODE": "1"}
        if self.modules:
            found["LBACK_RECEIVERS_MODULES"] = ",".join(self.modules)
        if self.hooks_directory.exists():
            found["LBACK_RECEIVERS_HOOKS_DIRECTORY"] = str(self.hooks_directory)
        return found

    def __call__(self, *arguments: str, **options: Any) -> Any:
        return self.lback(*arguments, **{**self.variables, **options})

    def register(self, name: str = "alice", *arguments: str, **options: Any) -> Any:
        return self(*self.registration(name), *arguments, input=PASSWORD, **options)

    def registration(self, name: str) -> tuple[str, ...]:
        trace = ("--trace-format", "json", "--trace-file", str(self.trace_file))
        return ("user", "register", name, "--email", f"{name}@example.org", "--password-stdin", "-o", "json", *trace)

    @property
    def trace_file(self) -> Path:
        return Path(self.lback.directory / "trace.jsonl")

    @property
    def trace(self) -> list[dict[str, Any]]:
        """Each signal with the results of its receivers: the parts of the trace that are the same in every run."""
        lines = [json.loads(line) for line in self.trace_file.read_text().splitlines()]
        return [
            {"signal": line["signal"]}
            | {key: line[key] for key in ("receivers", "receiver_errors") if line.get(key)}
            | (
                {"overruns": [one["receiver"] for one in overruns]}
                if (overruns := line.get("receiver_overruns"))
                else {}
            )
            for line in lines
        ]

    @property
    def rows(self) -> tuple[list[str], list[tuple[str, str]]]:
        """The names of all users, and the signal and error type of each event."""
        with sqlite3.connect(self.lback.database) as connection:
            users = [row[0] for row in connection.execute("SELECT username FROM users ORDER BY id")]
            found = connection.execute("SELECT signal, data FROM lback_events ORDER BY seq").fetchall()
        return users, [(signal, json.loads(data).get("error_type", "")) for signal, data in found]


@pytest.fixture
def workshop(lback: Any) -> Workshop:
    """A `Workshop` for the installed command."""
    return Workshop(lback)
