"""A SQLite file that SQLite cannot use, because of the files beside it or of its file system."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

WITHOUT_LOCKS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#define REPLACED(name) \\
    int name(int file, int command, ...) \\
    { \\
        va_list rest; \\
        va_start(rest, command); \\
        void *argument = va_arg(rest, void *); \\
        va_end(rest); \\
        if (command == F_SETLK || command == F_SETLKW) { errno = ENOLCK; return -1; } \\
        return ((int (*)(int, int, ...))dlsym(RTLD_NEXT, #name))(file, command, argument); \\
    }

REPLACED(fcntl)
REPLACED(fcntl64)
"""


@pytest.fixture
def file(lback: Any, tmp_path: Path) -> Path:
    path = tmp_path / "home" / "users.db"
    path.parent.mkdir(exist_ok=True)
    lback("db", "init", "--database-url", f"sqlite:///{path}")
    return path


def run(lback: Any, prefix: list[str], url: str, *arguments: str, timeout: str = "0.2") -> tuple[int, str, str]:
    """Run the installed command after *prefix*; the test is skipped if that may not be done here."""
    if prefix and shutil.which(prefix[0]) is None:
        pytest.skip(f"{prefix[0]} is not installed")
    environment = {**lback.environment, "LBACK_DATABASE_BUSY_TIMEOUT": timeout}
    command = [*prefix, str(lback.program), *arguments, "--database-url", url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if prefix and not {"error:", "id"} & set(done.stderr.split() + done.stdout.split(",")):
        pytest.skip(f"{prefix[0]} may not do this here: {done.stderr}")
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_a_journal_of_another_user_is_named(lback: Any, file: Path, ending: str) -> None:
    journal = Path(f"{file}{ending}")
    Path(f"{file}-wal").touch()
    journal.touch()
    journal.chmod(0)
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True)
    assert run(lback, prefix, f"sqlite:///{file}", "user", "list") == (
        9,
        "",
        (
            f"error: The database {file} cannot be used, because this user may not read and write {journal}, a file of "
            f"{done.stdout.strip()}.\n"
            "       Let its owner run lback, or change its owner and mode to those of the database. Do not delete it: "
            "it may contain committed changes.\n"
        ),
    )
    assert journal.exists()


@pytest.mark.parametrize("changes", [b"", b"a page"], ids=["checkpointed", "with changes"])
def test_a_read_only_file_system_is_named_and_can_be_read(lback: Any, file: Path, changes: bytes) -> None:
    if changes:
        Path(f"{file}-wal").write_bytes(changes)
    prefix = [
        *("unshare", "--mount", "--map-root-user", "sh", "-c"),
        'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
        str(file.parent),
    ]
    status, _, error = run(lback, prefix, f"sqlite:///{file}", "user", "list")
    url = f"sqlite:///file:{file}?immutable=1&uri=true"
    hint = f"To read it, set database.url to {url}"
    if changes:
        hint = "Copy it to a file system that can be written to, together with users.db-wal."
    assert (status, error) == (9, f"error: The database {file} is on a read-only file system.\n       {hint}\n")
    if not changes:
        assert run(lback, prefix, url, "user", "list", "-o", "csv", "--fields", "id,username") == (
            0,
            "id,username\n",
            "There are no users yet. 'lback user register --help' shows how to register one.\n",
        )


@pytest.mark.parametrize("command", ["user list", "group create staff", "user delete id:1 --yes", "events verify"])
def test_a_full_disk_is_named(lback: Any, file: Path, command: str) -> None:
    shutil.copy(file, file.parent.parent / "copy")
    prefix = [
        *("unshare", "--mount", "--map-root-user", "sh", "-c"),
        (
            'mount -t tmpfs -o size=1m tmpfs "${0%/*}" && cp "${0%/*}/../copy" "$0" && '
            '{ cat /dev/zero >"${0%/*}/rest" 2>/dev/null; exec "$@"; }'
        ),
        str(file),
    ]
    status, out, error = run(lback, prefix, f"sqlite:///{file}", *command.split())
    assert (status, out) == (9, "")
    assert error.endswith(
        f"error: The database {file} cannot be used, because the disk is full.\n       Free some disk space.\n"
    )


def test_a_file_system_without_locks_is_not_another_process(lback: Any, file: Path, tmp_path: Path) -> None:
    (tmp_path / "locks.c").write_text(WITHOUT_LOCKS, "utf-8")
    library = tmp_path / "locks.so"
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("there is no C compiler")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "locks.c", "-ldl"], check=True)
    prefix = ["env", f"LD_PRELOAD={library}"]
    assert run(lback, prefix, f"sqlite:///{file}", "user", "list") == (
        9,
        "",
        (
            f"error: The database {file} cannot be locked: No locks available.\n"
            "       Its file system has no working locks, like some network file systems. Move it to a local disk, or "
            "to a server with 'lback db copy'.\n"
        ),
    )
