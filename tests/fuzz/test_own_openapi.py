"""Our own API document, asked with what fits it and what does not."""

import pytest

from carbon_platform.openapi import document
from tests.fuzz.made_up import ask, operations

OPERATIONS = operations(document())


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_the_document_promises(name: str, headers: dict[str, str]) -> None:
    ask(OPERATIONS[name], headers)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if " /workspaces" in name])
def test_the_operators_program_gets_only_promised_answers_too(
    name: str, platform_headers: dict[str, str]
) -> None:
    ask(OPERATIONS[name], platform_headers)


def test_every_operation_of_the_document_is_asked() -> None:
    assert set(OPERATIONS) == {
        f"{method.upper()} {path}" for path, item in document()["paths"].items() for method in item
    }
