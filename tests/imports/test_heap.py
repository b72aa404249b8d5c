"""What a hash takes of memory is fetched from the system once, not for each hash."""

import platform
import subprocess
import sys

import pytest

HASHES = 12
BLOCK = 64 * 2**20  # bytes: Argon2's at the default cost, more than the arena of a thread can hold
PROGRAM = f"""
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from lback_cli.imports.heap import kept_memory
from lback_cli.security.passwords import PasswordHasher
from lback_cli.settings import PasswordSettings

hasher = PasswordHasher(PasswordSettings(memory={BLOCK // 1024}, iterations=1))
page = resource.getpagesize()

def fetched():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt * page

with kept_memory() if sys.argv[1] == "kept" else nullcontext(), ThreadPoolExecutor(2) as executor:
    before = fetched()
    assert len(set(executor.map(hasher.hash, map(str, range({HASHES}))))) == {HASHES}
    print((fetched() - before) // {BLOCK})
print(int(Path("/proc/self/statm").read_text().split()[1]) * page // 2**20)
"""


def blocks(way: str) -> tuple[int, int]:
    """How many times that memory was fetched for all hashes, and the MiB that are in use at the end."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, way], check=True, capture_output=True, text=True)
    fetched, left = map(int, done.stdout.split())
    return fetched, left


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
def test_threads_that_hash_take_over_memory_and_give_it_back_in_the_end() -> None:
    returned, usual = blocks("returned")
    kept, left = blocks("kept")
    assert returned >= HASHES
    assert kept <= 3, "one for each of two threads, and what else the process fetches"
    assert left < usual + 16
