"""Who acts."""

import asyncio
import os
import pwd
import threading

import pytest

from lback_cli.events.actor import Actor, acting_as, current_actor, login_name, set_actor

from .harness import World


def test_without_a_word_the_actor_is_the_login_and_the_process_one_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("DOAS_USER", raising=False)
    assert login_name() == pwd.getpwuid(os.getuid()).pw_name
    assert current_actor().invocation_id == current_actor().invocation_id


@pytest.mark.parametrize("variable", ["SUDO_USER", "DOAS_USER"])
def test_the_login_behind_sudo_is_believed_from_root_alone(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv(variable, "ann")
    monkeypatch.setattr("os.getuid", lambda: 0)
    assert login_name() == "ann"
    monkeypatch.setattr("os.getuid", lambda: 65534)
    assert login_name() == pwd.getpwuid(65534).pw_name
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    assert login_name() == "uid:4000000"


def test_acting_as_ends_with_its_block_and_nests() -> None:
    outside = current_actor()
    with acting_as("ann") as ann:
        assert current_actor() is ann
        with acting_as(Actor("bea", host="elsewhere")) as bea:
            assert (current_actor(), bea.host) == (bea, "elsewhere")
            assert bea.invocation_id != ann.invocation_id
        assert current_actor() is ann
    assert current_actor() == outside


def test_threads_have_actors_of_their_own(world: World) -> None:
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        with acting_as(f"thread {number}"):
            barrier.wait()
            world.register(f"user{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(row["actor"], row["subject"]) for row in world.rows()} == {
        (f"thread {number}", f"user{number}") for number in range(4)
    }


def test_tasks_have_actors_of_their_own() -> None:
    async def who(name: str) -> tuple[str, str]:
        with acting_as(name):
            before = current_actor().name
            await asyncio.sleep(0.01)
            return before, current_actor().name

    async def all_of_them() -> list[tuple[str, str]]:
        return await asyncio.gather(*(who(name) for name in "abc"))

    assert asyncio.run(all_of_them()) == [("a", "a"), ("b", "b"), ("c", "c")]


def test_a_forked_worker_is_told_by_its_own_process_id(world: World) -> None:
    import contextvars

    def child() -> None:
        set_actor("parent and child")
        world.database.dispose()
        if (pid := os.fork()) == 0:
            try:
                world.register("alice")
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        (row,) = world.rows()
        assert (row["actor"], row["pid"]) == ("parent and child", pid)

    contextvars.copy_context().run(child)
