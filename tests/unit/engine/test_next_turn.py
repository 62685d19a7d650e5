"""When a condition next changes, asked only about the time before a horizon: the same as asked about all time."""

import pytest

from etapa.journey.units import HOUR
from tests.unit.engine.shops import did, play, program_of, us

BOUGHT = [did("buy", f"{hour}h", amount=amount) for hour, amount in ((1, 60), (5, -40), (9, 30), (10, 30), (11, -10), (12, 5), (30, 70))]
CONDITIONS = (
    "sum: properties.amount, of: buy, within: 2d, gte: 60",
    "sum: properties.amount, of: buy, within: 2d, gte: 100, lt: 110",
    "avg: properties.amount, of: buy, within: 30h, gt: 20",
    "max: properties.amount, of: buy, within: 2d, lt: 65",
    "count: buy, within: 2d, gte: 3",
    "distinct: properties.amount, of: buy, within: 2d, lt: 2",
    "score: {buy: 8}, half_life: 2d, lt: 2",
    "score: {buy: 8}, half_life: 2d, gte: 3, lt: 20",
    "absent: buy, for: 3d",
    "sum: properties.amount, of: nothing, within: 2d, gte: 60",
    "score: {nothing: 8}, half_life: 2d, lt: 2",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_changes_before_a_horizon_is_found_there(condition: str) -> None:
    program = program_of(f"- {{id: asks, from: hot, to: lost, when: {{{condition}}}}}")
    customer, _ = play(program, *BOUGHT)
    [leaf] = program.stages["hot"].rules[0].leaves
    for now in range(us("30h"), us("12d"), 7 * HOUR):
        turn = leaf.until(customer, now)
        for horizon in (*range(now + 1, now + us("9d"), 11 * HOUR), turn, turn + 1):
            assert min(leaf.until_before(customer, now, horizon), horizon) == min(turn, horizon)


@pytest.mark.parametrize("condition", [each for each in CONDITIONS if "amount" in each])
def test_the_same_where_the_oldest_values_are_merged(condition: str) -> None:
    program = program_of(f"- {{id: asks, from: hot, to: lost, when: {{{condition}}}}}")
    customer, _ = play(program, *(did("buy", f"{5 * number}m", amount=number % 7 - 3) for number in range(400)))
    [leaf] = program.stages["hot"].rules[0].leaves
    for now in range(us("34h"), us("5d"), 17 * HOUR):
        turn = leaf.until(customer, now)
        for horizon in (*range(now + 1, now + us("3d"), 13 * HOUR), turn, turn + 1):
            assert min(leaf.until_before(customer, now, horizon), horizon) == min(turn, horizon)
