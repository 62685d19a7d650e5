"""How many customers were in each stage over time, worked out from the moves in a ledger."""

from random import Random

from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.ledger.trends import STEPS, trends_of
from etapa.journey.units import DAY, HOUR

START = 20_000 * DAY
END = START + STEPS * HOUR


def test_a_trend_is_what_a_count_at_every_step_would_have_found() -> None:
    random = Random(4)
    tally, stages = BatchTally(), ("a", "b", "c")
    where: dict[int, str] = {}
    counted: dict[str, list[int]] = {stage: [] for stage in stages}
    for step in range(STEPS):
        for _ in range(20):
            customer, to = random.randrange(30), random.choice(stages)
            source = where.get(customer)
            tally.moved(
                START + step * HOUR + random.randrange(HOUR),
                random.choice((None, "p")),
                source,
                to,
                "touchpoint",
                None if source is None else 1,
            )
            where[customer] = to
        for stage in stages:
            counted[stage].append(list(where.values()).count(stage))
    ledger = JourneyLedger()
    enter(ledger, tally, END)
    assert trends_of(ledger, None, {stage: counted[stage][-1] for stage in stages}, START, END) == counted


def test_what_happened_after_the_end_does_not_count_and_a_persona_counts_alone() -> None:
    tally = BatchTally()
    tally.moved(START, "student", None, "a", "touchpoint", None)
    tally.moved(START, None, None, "a", "touchpoint", None)
    tally.moved(START + 12 * HOUR, "student", "a", "b", "timer", 12 * HOUR)
    tally.moved(END + HOUR, "student", "b", "a", "timer", 12 * HOUR)
    ledger = JourneyLedger()
    enter(ledger, tally, END)
    found = trends_of(ledger, "student", {"a": 0, "b": 1}, START, END)
    assert found == {"a": [1] * 12 + [0] * 12, "b": [0] * 12 + [1] * 12}


def test_a_ledger_younger_than_its_customers_counts_nobody_rather_than_fewer() -> None:
    tally = BatchTally()
    tally.moved(START + HOUR, None, "a", "b", "timer", HOUR)
    ledger = JourneyLedger()
    enter(ledger, tally, END)
    assert min(trends_of(ledger, None, {"a": 0, "b": 0}, START, END)["b"]) == 0
