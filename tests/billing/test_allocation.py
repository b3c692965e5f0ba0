from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.allocation import GRAMS_PER_TONNE, Batch, Demand, Line, Order, Plan, plan

TONNE = GRAMS_PER_TONNE


def batch(key: str, start_tonne: int, tonnes: int, *, used: int = 0, ordered: int = 0) -> Batch:
    start = start_tonne * TONNE
    return Batch(
        key,
        start=start,
        end=start + tonnes * TONNE,
        next_free=start + used,
        ordered_until=start + ordered * TONNE,
    )


def applied(batches: list[Batch], done: Plan) -> list[Batch]:
    """The batches as the ledger shows them after a plan was carried out."""
    result = []
    for before in batches:
        free = max([line.gram_end for line in done.lines if line.batch_key == before.key] or [0])
        until = max(
            [order.gram_end for order in done.orders if order.batch_key == before.key] or [0]
        )
        result.append(
            replace(
                before,
                next_free=max(before.next_free, free),
                ordered_until=max(before.ordered_until, until),
            )
        )
    return result


@st.composite
def stocks(draw: st.DrawFn) -> list[Batch]:
    """Batches as a ledger may hold them, in an order that is not that of the gram space."""
    found = []
    start = draw(st.integers(0, 3))
    for number in range(draw(st.integers(0, 5))):
        tonnes = draw(st.integers(1, 3))
        used = draw(st.integers(0, tonnes * TONNE))
        ordered = -(-used // TONNE)
        found.append(batch(f"b{number}", start, tonnes, used=used, ordered=ordered))
        start += tonnes + draw(st.integers(0, 2))
    return draw(st.permutations(found))


@st.composite
def wishes(draw: st.DrawFn) -> list[Demand]:
    sizes = draw(st.lists(st.integers(0, 2 * TONNE) | st.sampled_from([0, 1, TONNE]), max_size=6))
    return [Demand(f"p{number}", grams) for number, grams in enumerate(sizes)]


def test_one_period_takes_grams_and_orders_a_whole_tonne() -> None:
    done = plan([batch("old", 10, 2)], [Demand("july", 17_656)])

    assert done == Plan(
        lines=(Line("july", "old", 10 * TONNE, 10 * TONNE + 17_656),),
        orders=(Order("old", 10 * TONNE, 11 * TONNE),),
        short=(),
    )
    assert done.orders[0].tonnes == 1
    assert done.lines[0].grams == 17_656


def test_the_rest_of_an_ordered_tonne_is_used_before_a_new_one() -> None:
    done = plan([batch("old", 0, 3, used=17_656, ordered=1)], [Demand("august", TONNE)])

    assert done.lines == (
        Line("august", "old", 17_656, TONNE),
        Line("august", "old", TONNE, TONNE + 17_656),
    )
    assert done.orders == (Order("old", TONNE, 2 * TONNE),)


def test_an_ordered_rest_goes_before_an_older_vintage_that_is_not_ordered() -> None:
    newly_loaded = batch("older", 5, 1)
    begun = batch("newer", 0, 1, used=900_000, ordered=1)

    done = plan([newly_loaded, begun], [Demand("p", 100_001)])

    assert done.lines == (
        Line("p", "newer", 900_000, TONNE),
        Line("p", "older", 5 * TONNE, 5 * TONNE + 1),
    )
    assert done.orders == (Order("older", 5 * TONNE, 6 * TONNE),)


def test_several_periods_share_one_order() -> None:
    done = plan([batch("b", 0, 1)], [Demand("x", 400_000), Demand("y", 600_000)])

    assert [line.period_key for line in done.lines] == ["x", "y"]
    assert done.orders == (Order("b", 0, TONNE),)


def test_a_demand_goes_on_in_the_next_batch() -> None:
    done = plan([batch("b", 0, 1), batch("c", 1, 1)], [Demand("x", TONNE + 1)])

    assert done.lines == (Line("x", "b", 0, TONNE), Line("x", "c", TONNE, TONNE + 1))


def test_a_demand_that_does_not_fit_takes_nothing_and_the_next_is_tried() -> None:
    demands = [Demand("x", 300_000), Demand("too much", 800_000), Demand("y", 700_000)]

    done = plan([batch("b", 0, 1)], demands)

    assert done.short == (demands[1],)
    assert [line.period_key for line in done.lines] == ["x", "y"]


def test_nothing_wanted_takes_nothing() -> None:
    assert plan([batch("b", 0, 1)], [Demand("x", 0)]) == Plan((), (), ())
    assert plan([], []) == Plan((), (), ())


def test_grams_that_were_given_but_never_ordered_are_ordered_now() -> None:
    assert plan([batch("b", 0, 2, used=5)], []).orders == (Order("b", 0, TONNE),)


@pytest.mark.parametrize(
    "numbers",
    [
        (0, TONNE + 1, 0, 0),
        (0, TONNE, 0, 5),
        (TONNE, 2 * TONNE, 0, TONNE),
        (TONNE, 2 * TONNE, TONNE, 0),
        (0, TONNE, TONNE + 1, 0),
        (0, TONNE, 0, 2 * TONNE),
    ],
)
def test_a_batch_that_cannot_be_is_refused(numbers: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="batch b"):
        Batch("b", *numbers)


def test_a_list_that_cannot_be_is_refused() -> None:
    one = batch("b", 0, 2)

    with pytest.raises(ValueError, match="twice"):
        plan([one, batch("b", 5, 1)], [])
    with pytest.raises(ValueError, match="twice"):
        plan([one], [Demand("x", 1), Demand("x", 2)])
    with pytest.raises(ValueError, match="share grams"):
        plan([one, batch("c", 1, 1)], [])
    with pytest.raises(ValueError, match="wants -1"):
        plan([one], [Demand("x", -1)])


@given(stocks(), wishes())
def test_every_gram_is_given_at_most_once_and_inside_its_batch(
    batches: list[Batch], demands: list[Demand]
) -> None:
    done = plan(batches, demands)
    by_key = {found.key: found for found in batches}

    for line in done.lines:
        home = by_key[line.batch_key]
        assert home.next_free <= line.gram_start < line.gram_end <= home.end
    in_space = sorted(done.lines, key=lambda line: line.gram_start)
    assert all(before.gram_end <= after.gram_start for before, after in pairwise(in_space))


@given(stocks(), wishes())
def test_a_demand_is_met_exactly_or_not_at_all(batches: list[Batch], demands: list[Demand]) -> None:
    done = plan(batches, demands)
    left = sum(found.end - found.next_free for found in batches)

    for demand in demands:
        given_grams = sum(line.grams for line in done.lines if line.period_key == demand.period_key)
        fits = demand.grams <= left
        assert (demand in done.short) is not fits
        assert given_grams == (demand.grams if fits else 0)
        left -= given_grams


@given(stocks(), wishes())
def test_an_order_is_whole_tonnes_for_exactly_the_new_grams(
    batches: list[Batch], demands: list[Demand]
) -> None:
    done = plan(batches, demands)
    orders = {order.batch_key: order for order in done.orders}

    assert len(orders) == len(done.orders)
    for found in batches:
        new = [
            line
            for line in done.lines
            if line.batch_key == found.key and line.gram_end > found.ordered_until
        ]
        assert all(line.gram_start >= found.ordered_until for line in new)
        if new:
            order = orders[found.key]
            assert order.gram_start == found.ordered_until
            assert order.gram_end - order.gram_start == order.tonnes * TONNE
            assert 0 <= order.gram_end - max(line.gram_end for line in new) < TONNE
        else:
            assert found.key not in orders


@given(stocks(), wishes())
def test_what_is_ordered_already_is_used_up_before_more_is_ordered(
    batches: list[Batch], demands: list[Demand]
) -> None:
    done = plan(batches, demands)

    if done.orders:
        for found, after in zip(batches, applied(batches, done), strict=True):
            assert after.next_free >= found.ordered_until


@given(stocks(), wishes(), st.integers(0, 6))
def test_a_plan_in_two_runs_gives_the_same_grams_as_in_one(
    batches: list[Batch], demands: list[Demand], cut: int
) -> None:
    whole = plan(batches, demands)
    first = plan(batches, demands[:cut])
    between = applied(batches, first)
    second = plan(between, demands[cut:])

    assert plan(batches, demands) == whole
    assert [d.period_key for d in whole.short] == [
        demand.period_key for demand in (*first.short, *second.short)
    ]
    assert sum(line.grams for line in whole.lines) == sum(
        line.grams for line in (*first.lines, *second.lines)
    )
    assert sum(order.tonnes for order in whole.orders) == sum(
        order.tonnes for order in (*first.orders, *second.orders)
    )
    assert plan(applied(between, second), []).orders == ()
