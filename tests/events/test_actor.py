"""The actor of an operation, in threads, tasks and processes."""

import asyncio
import os
import pwd
import threading

import pytest

from lback_cli.events.actor import Actor, acting_as, current_actor, login_name, set_actor

from .harness import Installation


def test_default_actor_is_the_login_with_one_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("DOAS_USER", raising=False)
    assert login_name() == pwd.getpwuid(os.getuid()).pw_name
    assert current_actor().invocation_id == current_actor().invocation_id


@pytest.mark.parametrize("variable", ["SUDO_USER", "DOAS_USER"])
def test_variables_of_sudo_are_trusted_only_from_root(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv(variable, "ann")
    monkeypatch.setattr("os.getuid", lambda: 0)
    assert login_name() == "ann"
    monkeypatch.setattr("os.getuid", lambda: 65534)
    assert login_name() == pwd.getpwuid(65534).pw_name
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    assert login_name() == "uid:4000000"


def test_acting_as_nests_and_ends_with_its_block() -> None:
    outside = current_actor()
    with acting_as("ann") as ann:
        assert current_actor() is ann
        with acting_as(Actor("bea", host="elsewhere")) as bea:
            assert (current_actor(), bea.host) == (bea, "elsewhere")
            assert bea.invocation_id != ann.invocation_id
        assert current_actor() is ann
    assert current_actor() == outside


def test_each_thread_has_its_own_actor(installation: Installation) -> None:
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        with acting_as(f"thread {number}"):
            barrier.wait()
            installation.register(f"user{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(row["actor"], row["subject"]) for row in installation.rows()} == {
        (f"thread {number}", f"user{number}") for number in range(4)
    }


def test_each_task_has_its_own_actor() -> None:
    async def names(name: str) -> tuple[str, str]:
        with acting_as(name):
            before = current_actor().name
            await asyncio.sleep(0.01)
            return before, current_actor().name

    async def all_of_them() -> list[tuple[str, str]]:
        return await asyncio.gather(*(names(name) for name in "abc"))

    assert asyncio.run(all_of_them()) == [("a", "a"), ("b", "b"), ("c", "c")]


def test_forked_worker_records_its_own_process_id(installation: Installation) -> None:
    import contextvars

    def child() -> None:
        set_actor("parent and child")
        installation.database.dispose()
        if (pid := os.fork()) == 0:
            try:
                installation.register("alice")
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        (row,) = installation.rows()
        assert (row["actor"], row["pid"]) == ("parent and child", pid)

    contextvars.copy_context().run(child)
