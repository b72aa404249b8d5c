"""Runs the installed command many times without paying for its start each time.

A program: for each line of JSON on stdin it forks, and the child calls what the console script ``lback`` calls, with
the line's ``argv``, ``env``, ``cwd``, ``stdin`` and, where not null, ``memory`` limit in bytes. ``stdout`` and
``stderr`` are files. The answer is the exit code, on a line of its own.
"""

import gc
import io
import json
import os
import pkgutil
import resource
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, NoReturn

import lback_cli


def preload() -> None:
    """Import what commands import on their way."""
    for module in pkgutil.walk_packages(lback_cli.__path__, "lback_cli."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            import_module(module.name)
    for name in ("sqlalchemy.dialects.sqlite", "passlib.handlers.argon2", "argon2", "email_validator", "bcrypt"):
        import_module(name)


def child(script: Callable[[], object], order: dict[str, Any]) -> NoReturn:
    """Become the command."""
    status: Any = 1
    try:
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["env"])
        for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
            os.dup2(os.open(order[name], flags | os.O_CREAT, 0o600), number)
        sys.stdin = io.TextIOWrapper(io.FileIO(0), encoding="utf-8")
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8", write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), encoding="utf-8", write_through=True)
        sys.argv = ["lback", *order["argv"]]
        if order["memory"] is not None:
            resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))
        script()
    except SystemExit as ended:
        status = ended.code
    except BaseException:  # noqa: BLE001 - the child must never become a second server
        traceback.print_exc()
    os._exit(status if isinstance(status, int) else int(status is not None))


def serve() -> None:
    """Answer lines until there are no more."""
    preload()
    (installed,) = entry_points(group="console_scripts", name="lback")
    script = installed.load()
    # Nor need the children's collector touch, and thereby copy, what they share.
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(script, json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - it is the answer


if __name__ == "__main__":
    serve()
