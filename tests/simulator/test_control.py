"""The control API beside events and faults: recorded answers, journal, reset."""

import pytest
import requests

from devstack.simulator.testing import CommandError, RunningSimulator, running_simulator
from tests.simulator.asking import ANTHROPIC_KEY, NOON, OPENAI_KEY, Query, anthropic, openai

PATH = "/openai/v1/organization/usage/completions"


def test_a_recorded_answer_is_served_for_its_path_and_part_of_its_query(
    simulator: RunningSimulator,
) -> None:
    simulator.add_fixture(
        method="GET",
        path=PATH,
        query={"start_time": NOON, "group_by[]": ["project_id", "model"]},
        status=418,
        headers={"x-recorded": "yes"},
        body={"recorded": True},
    )
    query: Query = {"start_time": NOON, "limit": 3}

    hit = openai(simulator, **query, group_by=["model", "project_id"])
    miss = openai(simulator, **query, group_by=["model"])

    assert (hit.status_code, hit.json(), hit.headers["x-recorded"]) == (
        418,
        {"recorded": True},
        "yes",
    )
    assert miss.json()["object"] == "page"


def test_the_newest_recording_answers_and_text_is_sent_as_it_is(
    simulator: RunningSimulator,
) -> None:
    simulator.add_fixture(path=PATH, body={"old": 1})
    simulator.add_fixture(path=PATH, body='{"big": 9007199254740993.0}')

    assert openai(simulator, start_time=NOON).text == '{"big": 9007199254740993.0}'


def test_the_journal_keeps_order_query_and_status_but_no_key(simulator: RunningSimulator) -> None:
    openai(simulator, start_time=NOON, group_by=["model", "batch"])
    openai(simulator, start_time="x")
    anthropic(simulator, "me")

    entries = simulator.journal("openai")

    assert [entry["status"] for entry in entries] == [200, 400]
    assert entries[0]["query"][1:] == [["group_by", "model"], ["group_by", "batch"]]
    everything = str(simulator.journal())
    assert OPENAI_KEY not in everything
    assert ANTHROPIC_KEY not in everything
    assert entries[0]["headers"]["authorization"] == "****0001"
    assert len(simulator.journal(path="/anthropic")) == 1
    simulator.clear_journal()
    assert simulator.journal() == []


def test_a_reset_forgets_everything_a_test_did(simulator: RunningSimulator) -> None:
    simulator.add_fault("openai", 500)
    simulator.add_fixture(path=PATH, body={})
    simulator.set_shape(openai="older")
    simulator.stripe("signup", client_reference_id="w", deliver=False)

    simulator.reset()

    page = openai(simulator, start_time=NOON).json()
    assert "input_uncached_tokens" in page["data"][0]["results"][0]
    url = f"{simulator.url}/stripe/v1/customers"
    customers = requests.get(url, headers={"Authorization": "Bearer sk_test_x"}, timeout=10)
    assert customers.json()["data"] == []
    assert len(simulator.journal()) == 2


def test_a_command_that_cannot_be_read_says_why(simulator: RunningSimulator) -> None:
    for path, body in [
        ("/clock", {"now": "late"}),
        ("/events", {"revise": [{"id": "nothing"}]}),
        ("/shapes", {"openai": "round"}),
        ("/nowhere", {}),
    ]:
        with pytest.raises(CommandError):
            simulator.command("POST", path, body)


def test_a_clock_may_run_on_from_where_it_was_set(simulator: RunningSimulator) -> None:
    simulator.set_clock(NOON, frozen=False)

    assert 0 <= simulator.command("GET", "/clock")["unix"] - NOON < 5


def test_simulators_beside_each_other_share_nothing() -> None:
    with running_simulator() as first, running_simulator() as second:
        first.add_fault("openai", 500)

        assert openai(first, start_time=NOON).status_code == 500
        assert openai(second, start_time=NOON).status_code == 200
