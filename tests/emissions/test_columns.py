"""Many rows at once: the same bits as one row at a time, and what is refused."""

from collections.abc import Sequence
from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.emissions.calc.columns import (
    EstimateColumns,
    Question,
    UsageColumns,
    resolve_each,
    token_estimates,
)
from apps.emissions.calc.factors import FactorDocument
from apps.emissions.calc.given import NOTHING_GIVEN, Given
from apps.emissions.calc.resolve import Asked, resolve
from apps.emissions.calc.tokens import token_estimate
from apps.emissions.calc.usage import MOST_TOKENS, TokenUsage

CLASSES = [field.name for field in fields(UsageColumns)]
QUANTITIES = [field.name for field in fields(EstimateColumns)]
COUNTS = st.one_of(st.integers(0, 10_000), st.integers(0, MOST_TOKENS))
USAGES = st.builds(TokenUsage, COUNTS, COUNTS, COUNTS, COUNTS, requests=st.integers(1, MOST_TOKENS))
INTENSITIES = st.one_of(st.none(), st.floats(0, 2000))
GIVEN = st.builds(
    Given, st.one_of(st.none(), st.floats(1, 3)), INTENSITIES, INTENSITIES, st.booleans()
)
MODELS = [
    "gpt-4o",
    "gpt-4o-mini",
    "o3-mini",
    "claude-opus-4-8",
    "llama-3.1-8b",
    "deepseek-r1",
    "mistral-large-2407",
    "mistral-large-2",
    "some-new-model",
    None,
]
QUESTIONS = st.tuples(
    st.sampled_from(MODELS),
    st.sampled_from([None, "aws", "azure", "openrouter", "garage"]),
    st.sampled_from([None, "eu-west-1", "mars-north-1"]),
    st.sampled_from([None, "FR", "USA", "XX"]),
    st.one_of(st.just(NOTHING_GIVEN), GIVEN),
)
USUAL: Question = ("gpt-4o", None, None, None, NOTHING_GIVEN)


def columns(usages: Sequence[TokenUsage]) -> UsageColumns:
    return UsageColumns(
        **{name: np.array([getattr(each, name) for each in usages], np.int64) for name in CLASSES}
    )


def estimated(
    document: FactorDocument, rows: Sequence[tuple[TokenUsage, Question]]
) -> EstimateColumns:
    resolved, which = resolve_each(document, (question for _, question in rows))
    return token_estimates(columns([usage for usage, _ in rows]), resolved, which)


@given(rows=st.lists(st.tuples(USAGES, QUESTIONS), max_size=12))
@settings(max_examples=300)
def test_every_bit_is_the_same_as_of_one_row_at_a_time(
    document: FactorDocument, rows: list[tuple[TokenUsage, Question]]
) -> None:
    found = estimated(document, rows)

    for row, (usage, (*names, known)) in enumerate(rows):
        alone = token_estimate(usage, resolve(document, *names, given=known))
        for name in QUANTITIES:
            bounds = [float(column[row]) for column in astuple(getattr(found, name))]
            assert bounds == list(astuple(getattr(alone, name))), (name, usage)


def test_each_question_is_resolved_once(document: FactorDocument) -> None:
    other: Question = ("gpt-4o", None, None, "FR", NOTHING_GIVEN)

    resolved, which = resolve_each(document, [USUAL, other, USUAL, other, USUAL])

    assert which.tolist() == [0, 1, 0, 1, 0]
    assert [one.asked for one in resolved] == [Asked(*USUAL), Asked(*other)]


def test_no_rows_have_no_estimates(document: FactorDocument) -> None:
    found = estimated(document, [])

    assert [getattr(found, name).central.size for name in QUANTITIES] == [0] * len(QUANTITIES)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("count", [-1, MOST_TOKENS + 1])
def test_impossible_counts_are_refused_by_their_name(name: str, count: int) -> None:
    good = {each: np.array([1, 2], np.int64) for each in CLASSES}

    with pytest.raises(ValueError, match=f"{name}: not"):
        UsageColumns(**{**good, name: np.array([1, count], np.int64)})


def test_a_row_of_no_calls_is_refused() -> None:
    some = np.array([1], np.int64)

    with pytest.raises(ValueError, match="requests: not"):
        UsageColumns(some, some, some, some, requests=np.array([0], np.int64))


@pytest.mark.parametrize(
    "column",
    [
        np.array([1], np.int64),
        np.array([1, 2], np.float64),
        np.array([1, 2], np.int32),
        np.array([[1, 2]], np.int64),
    ],
)
def test_a_column_of_another_shape_or_type_is_refused(column: np.typing.NDArray[np.int64]) -> None:
    some = np.array([1, 2], np.int64)

    with pytest.raises(ValueError, match="output: not"):
        UsageColumns(some, some, some, column, some)


@pytest.mark.parametrize("which", [[0], [0, 1], [0, -1], [0, 0, 0]])
def test_a_row_without_an_answer_is_refused(document: FactorDocument, which: list[int]) -> None:
    resolved, _ = resolve_each(document, [USUAL])

    with pytest.raises(ValueError, match="answer"):
        token_estimates(columns([TokenUsage()] * 2), resolved, np.array(which, np.intp))


def test_what_no_number_can_hold_is_refused_as_one_row_at_a_time(document: FactorDocument) -> None:
    usage, absurd = TokenUsage(output=MOST_TOKENS), Given(pue=1e300)

    with pytest.raises(ValueError, match="not an interval"):
        token_estimate(usage, resolve(document, "gpt-4o", given=absurd))
    with pytest.raises(ValueError, match="not intervals"):
        estimated(document, [(usage, ("gpt-4o", None, None, None, absurd))])
