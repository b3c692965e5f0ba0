"""The published token contract, asked with what fits it and what does not."""

import pytest

from tests import contract_token_api
from tests.fuzz.made_up import ask, operations

OPERATIONS = operations(contract_token_api.contract())


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_the_contract_promises(name: str, headers: dict[str, str]) -> None:
    ask(OPERATIONS[name], headers)


def test_these_are_the_operations_that_are_asked() -> None:
    assert set(OPERATIONS) == set(contract_token_api.operations())
    assert set(OPERATIONS) == {
        f"{method} {path}"
        for path, method_of_its_own in (
            ("/estimate", "POST"),
            ("/track", "POST"),
            ("/session/{developer_id}/today", "GET"),
        )
        for method in (method_of_its_own, "OPTIONS")
    }
