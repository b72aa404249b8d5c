"""The time of whole `lback` processes, compared with other programs in the same run.

    python tests/benchmarks/startup.py [--runs 25] [--venv DIRECTORY] [--checkout DIRECTORY]

Each comparison starts its commands in turn (A B C A B C ...), so that whatever else the machine does falls on all of
them alike, and prints the least and the median time of each, the median of its processor time, the ratio of the median
times, and the median of the ratios of runs that followed each other. The peers have what `lback` has: SQLite, and
Argon2id with 64 MiB, 3 passes and 4 lanes, which is read back from their databases. The virtual environment is made
with pip when it is missing; lback is installed in it as users have it, compiled and not editable.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

PEERS = ("django>=5.2", "flask-security[common,fsqla]>=5.6", "argon2-cffi>=25.1")
PARAMETERS = "$argon2id$v=19$m=65536,t=3,p=4$"
PASSWORD = "quiet-harbor-lantern-47"

DJANGO_SETTINGS = """
from django.contrib.auth.hashers import Argon2PasswordHasher

class Argon2(Argon2PasswordHasher):
    memory_cost, time_cost, parallelism = 65536, 3, 4

SECRET_KEY = "x" * 50
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}}
PASSWORD_HASHERS = ["django_settings.Argon2"]
USE_TZ = True
"""

FLASK_APP = """
from flask import Flask
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__, instance_path="{directory}")
app.config |= dict(
    SECRET_KEY="x" * 50,
    SECURITY_PASSWORD_SALT="x" * 50,
    SECURITY_PASSWORD_HASH="argon2",
    SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS=dict(
        argon2__memory_cost=65536, argon2__time_cost=3, argon2__parallelism=4
    ),
    SECURITY_EMAIL_VALIDATOR_ARGS=dict(check_deliverability=False),
    SQLALCHEMY_DATABASE_URI="sqlite:///flask.db",
)
db = SQLAlchemy(app)
fsqla_v3.FsModels.set_db_info(db)

class Role(db.Model, fsqla_v3.FsRoleMixin):
    pass

class User(db.Model, fsqla_v3.FsUserMixin):
    pass

app.security = Security(app, SQLAlchemyUserDatastore(db, User, Role))
"""


@dataclass
class Place:
    """The virtual environment, and the directory that all commands run in."""

    programs: Path
    directory: Path
    number: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Return an environment without the caller's variables."""
        self.environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.directory),
            "DJANGO_SETTINGS_MODULE": "django_settings",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "FLASK_APP": "flask_app",
        }

    def run(self, command: Sequence[str], stdin: str = "") -> "Cost":
        """Run *command* to its end, and return the time it took. Exits if it fails."""
        program = [str(self.programs / command[0]), *command[1:]]
        cpu, started = children_cpu(), time.perf_counter()
        done = subprocess.run(
            program,
            env=self.environment,
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        took = Cost(time.perf_counter() - started, children_cpu() - cpu)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return took

    def python(self, code: str) -> "Cost":
        """Run *code* in the environment's interpreter."""
        return self.run(["python", "-c", code])

    def fresh(self) -> str:
        """Return an unused user name."""
        self.number += 1
        return f"person{self.number:06}"


class Cost(NamedTuple):
    """Elapsed seconds, and seconds of processor time."""

    time: float
    cpu: float


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


Command = Callable[[Place], Cost]


def register_lback(place: Place) -> Cost:
    name = place.fresh()
    command = ["lback", "user", "register", name, "--email", f"{name}@example.org", "--password-stdin"]
    return place.run(command, PASSWORD)


def register_django(place: Place) -> Cost:
    name = place.fresh()
    command = ["createsuperuser", "--noinput", "--username", name, "--email", f"{name}@example.org"]
    return place.run(["django-admin", *command])


def register_flask(place: Place) -> Cost:
    command = ["flask", "users", "create", f"{place.fresh()}@example.org", "--password", PASSWORD, "--active"]
    return place.run(command)


COMPARISONS: Sequence[tuple[Mapping[str, Command], Mapping[str, float]]] = (
    (
        {
            "lback --version": lambda place: place.run(["lback", "--version"]),
            "import typer": lambda place: place.python("import typer"),
        },
        {"import typer": 1.25},
    ),
    (
        {
            "lback user show": lambda place: place.run(["lback", "user", "show", "id:1"]),
            "import typer, sqlalchemy.orm": lambda place: place.python("import typer, sqlalchemy.orm"),
        },
        {"import typer, sqlalchemy.orm": 1.25},
    ),
    (
        {
            "lback user register": register_lback,
            "django-admin createsuperuser": register_django,
            "flask users create": register_flask,
        },
        {"django-admin createsuperuser": 1.0, "flask users create": 0.75},
    ),
)
"""Commands by name, `lback` first, and for each other program the target ratio."""


def main() -> None:
    """Set everything up, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=25, help="of each command (default 25)")
    parser.add_argument("--venv", type=Path, help="virtual environment to use or make (default: a temporary one)")
    parser.add_argument("--checkout", type=Path, default=Path(__file__).parents[2], help="the lback to measure")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lback-startup-") as temporary:
        environment: Path = (arguments.venv or Path(temporary, "venv")).absolute()
        place = Place(environment / "bin", Path(temporary))
        install(environment, arguments.checkout.absolute())
        set_up(place)
        print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python {platform.python_version()}, ", end="")
        print(f"{arguments.runs} runs of each command")
        for commands, targets in COMPARISONS:
            compare(place, commands, targets, arguments.runs)
        check_parameters(place)


def install(environment: Path, checkout: Path) -> None:
    """Install the other programs, and *checkout* again."""
    if not environment.exists():
        venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    compiled = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([*pip, str(checkout), *PEERS], env=compiled, check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(checkout)], env=compiled, check=True)


def set_up(place: Place) -> None:
    """Make the projects and their databases; the first run of each command is not measured."""
    (place.directory / "django_settings.py").write_text(DJANGO_SETTINGS, "utf-8")
    (place.directory / "flask_app.py").write_text(FLASK_APP.format(directory=place.directory), "utf-8")
    place.run(["django-admin", "migrate"])
    place.python("import flask_app\nwith flask_app.app.app_context():\n    flask_app.db.create_all()")
    place.run(["lback", "db", "init"])
    register_lback(place)
    for commands, _ in COMPARISONS:
        for command in commands.values():
            command(place)


def compare(place: Place, commands: Mapping[str, Command], targets: Mapping[str, float], runs: int) -> None:
    """Run all *commands* in turn, *runs* times, and print their times."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            costs[name].append(command(place))
    ours, *_ = costs.values()
    print(f"\n{'command':30}{'min ms':>8}{'median ms':>11}{'cpu ms':>8}{'ratio':>8}{'paired':>8}{'target':>8}")
    for name, found in costs.items():
        times, cpu = [cost.time for cost in found], statistics.median(cost.cpu for cost in found)
        line = f"{name:30}{min(times) * 1000:8.0f}{statistics.median(times) * 1000:11.0f}{cpu * 1000:8.0f}"
        if name in targets:
            ratio = statistics.median(cost.time for cost in ours) / statistics.median(times)
            paired = statistics.median(mine.time / theirs for mine, theirs in zip(ours, times, strict=True))
            verdict = "met" if ratio <= targets[name] else "MISSED"
            line += f"{ratio:8.2f}{paired:8.2f}{targets[name]:8.2f}  {verdict}"
        print(line)


def check_parameters(place: Place) -> None:
    """Exit unless every password in every database was hashed with the same parameters."""
    for name, table in (("lback.db", "users"), ("django.db", "auth_user"), ("flask.db", "user")):
        (path,) = place.directory.rglob(name)
        with sqlite3.connect(path) as connection:
            hashes = [row[0] for row in connection.execute(f'SELECT password FROM "{table}"')]
        if not hashes or not all(hashed.removeprefix("argon2").startswith(PARAMETERS) for hashed in hashes):
            sys.exit(f"{path.name} has passwords that were not hashed with {PARAMETERS}")


if __name__ == "__main__":
    main()
