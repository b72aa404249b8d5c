"""Where the programs of the engines are: in packages of the system, or of npm in ``build/engines``."""

import os
import shutil
from pathlib import Path

from tests.servers.own_server import MissingServer, program

NODE_MODULES = Path(os.environ.get("LBACK_ENGINES", Path(__file__).parents[2] / "build/engines")) / "node_modules"

GALERA = Path("/usr/lib/galera/libgalera_smm.so")


def postgresql_programs(version: int | None = None) -> Path:
    """Return the directory with the programs of PostgreSQL of that version, or the system's. Raises `MissingServer`."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if version is None:
        if not installed:
            raise MissingServer("there is no PostgreSQL in /usr/lib/postgresql. Run: apt-get install postgresql")
        return installed[-1]
    found = [path for path in installed if path.parent.name == str(version)]
    path = found[0] if found else NODE_MODULES / f"postgresql{version}/native/bin"
    if not (path / "postgres").exists():
        raise MissingServer(f"there is no {path}. Run: just setup-clusters")
    return path


def galera_library() -> Path:
    """Return the library of Galera, which mariadbd loads. Raises `MissingServer`."""
    if not GALERA.exists():
        raise MissingServer(f"there is no {GALERA}. Run: apt-get install galera-4 rsync")
    return GALERA


def pglite_command() -> list[str]:
    """Return the command that starts PGlite. Raises `MissingServer`."""
    script = NODE_MODULES / "@electric-sql/pglite-socket/dist/scripts/server.js"
    if not script.exists():
        raise MissingServer(f"there is no {script}. Run: just setup-clusters")
    return [program("node"), str(script)]


def debian_program(name: str) -> str:
    """Return the path of a program of the Debian package of that name. Raises `MissingServer`."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    if found is None:
        raise MissingServer(f"there is no program {name}. Run: apt-get install {name}")
    return found
