"""Whoever holds the lock is believed, and nobody else."""

import os
from pathlib import Path

import pytest

from devstack import dotenv, lock, places


@pytest.fixture(autouse=True)
def _own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LOCAL", tmp_path)
    monkeypatch.setattr(lock, "FILE", tmp_path / "run.lock")
    monkeypatch.setattr(lock, "GLANCE_SECONDS", 0.1)
    monkeypatch.setattr(dotenv, "RUNTIME", tmp_path / "runtime.env")


def test_only_one_stack_runs_in_a_checkout() -> None:
    with lock.RunLock() as first, lock.RunLock() as second:
        assert first.acquire()
        assert not second.acquire()


def test_the_lock_is_free_again_when_its_holder_is_gone() -> None:
    with lock.RunLock() as first:
        assert first.acquire()

    with lock.RunLock() as second:
        assert second.acquire()


def test_addresses_of_an_earlier_run_are_gone_before_a_new_one_is_up() -> None:
    dotenv.write_runtime({"DATABASE_URL": "stale"})

    with lock.RunLock() as held:
        assert held.acquire()
        assert dotenv.read(dotenv.RUNTIME) == {}


def test_the_holder_is_known_while_it_holds_and_forgotten_after() -> None:
    with lock.RunLock() as held:
        assert held.acquire()
        held.describe({"web": 8})
        held.describe({"web": 9})
        assert lock.holder() == lock.Holder(pid=os.getpid(), children={"web": 9})

    assert lock.holder() is None
    assert not lock.is_held()


def test_nobody_is_taken_for_the_holder_of_an_earlier_run() -> None:
    lock.FILE.write_text('{"pid": 1, "children": {"web": 2}}')

    with lock.RunLock() as held:
        assert held.acquire()
        assert lock.holder() == lock.Holder(pid=os.getpid(), children={})


def test_a_checkout_that_never_ran_is_not_locked() -> None:
    assert not lock.is_held()
