"""How many customers each group of a campaign has, as a worker reports it: exact through takeovers."""

from collections import Counter

from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from tests.simulation.one_worker.alone import Alone

JOURNEY = """
journey: groups
version: 1
stages: [{id: new}, {id: active}]
rules:
  - {id: buys, from: new, to: active, when: {event: purchase}}
campaigns:
  - id: hello
    on: {enter: active}
    holdout: 50%
    goal: {event: review, within: 1d}
  - {id: bye, on: {enter: active}, holdout: 50%}
"""
PROGRAM = compile_journey(journey_or_raise(JOURNEY, "groups.yaml"))


def test_a_successor_goes_on_counting_the_customers_of_each_group() -> None:
    alone = Alone()
    for portion in range(3):
        alone.worker(program=PROGRAM)
        told = len(alone.told.groups)
        for number in range(20):
            alone.touch(f"c-{portion}-{number}")
        alone.run(alone.drain())
        # What a successor reports first is what its predecessor reported last.
        assert alone.told.groups[told] == (alone.told.groups[told - 1] if told else {})
    outcomes: Counter[str] = Counter()
    for batch in alone.told.batches:
        outcomes.update({outcome: number for (campaign, outcome), number in batch.changes.offers.items() if campaign == "hello"})
    assert alone.told.groups[-1] == {("hello", "sent"): outcomes["published"], ("hello", "holdout"): outcomes["holdout"]}
    assert set(outcomes) == {"published", "holdout"}
    assert outcomes.total() == 60
