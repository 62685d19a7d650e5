"""Links between people at different places, in many seeded runs: at the end all is as if their ids had always been one; and what goes wrong otherwise."""

from collections import Counter
from collections.abc import Iterator

import pytest

from etapa.journey.engine.partition import Partition
from etapa.stream.protocol.tenures.reclassifier import Reclassifier
from tests.simulation.checking.controls import Safeguard
from tests.simulation.checking.linking_controls import LINKING_SAFEGUARDS
from tests.simulation.worlds.linked import ForgettingLinkedWorld, LinkWorld, ReclassifiedLinkWorld, RollingLinkWorld
from tests.simulation.worlds.sourced_links import ForgettingSourcedLinkWorld, SourcedLinkWorld
from tests.support.quiet import quiet_logs

SEEDS = 24
SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS = 120
NEEDED_AS_WELL: tuple[Safeguard, ...] = ("forwards", "numbers", "marks_both", "sends_within", "sends_with_it", "kafka_fence")
MUST_HAPPEN = (
    *("sent: LinkAsked", "sent: PersonMoved", "sent: TouchpointForwarded", "sent: WayProbed", "refused: link_cycle", "refused: two_known"),
    *("transfers repeated", "died", "writes lost"),
)


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    with quiet_logs():
        yield


def test_at_the_end_everybody_is_who_they_would_be_if_their_ids_had_always_been_one() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = LinkWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    assert [event for event in MUST_HAPPEN if not events[event]] == []


def test_people_are_united_whichever_version_of_the_journey_judged_them_last() -> None:
    for seed in range(SEEDS):
        assert RollingLinkWorld(seed).run().violations == [], seed


def test_who_is_sent_while_everybody_is_judged_by_the_newer_version_is_judged_on_arrival_exactly_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged: Counter[bool] = Counter()
    judge = Reclassifier.judge_who_came

    async def judge_and_count(self: Reclassifier, engine: Partition, customer_id: str, now: float) -> None:
        customer = engine.customer(customer_id)
        before = 0 if customer is None else customer.version
        await judge(self, engine, customer_id, now)
        customer = engine.customer(customer_id)
        judged[customer is not None and customer.version > before > 0] += 1

    monkeypatch.setattr(Reclassifier, "judge_who_came", judge_and_count)
    for seed in (4, 5, 15, 21, 26, 28, 46):
        assert ReclassifiedLinkWorld(seed).run().violations == [], seed
    assert judged[True] >= 7


def test_who_is_forgotten_by_one_id_is_forgotten_by_all_of_them_everywhere() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = ForgettingLinkedWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    must = ("forget", "forget, by a stranger", "sent: PersonForgotten", "sent: PersonMoved", "of the forgotten", "died")
    assert [event for event in must if not events[event]] == []


@pytest.mark.parametrize("world", [SourcedLinkWorld, ForgettingSourcedLinkWorld])
def test_with_a_source_too_everybody_is_who_they_would_be_if_their_ids_had_always_been_one(world: type[LinkWorld]) -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = world(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    must = ("sent: LinkAsked", "sent: PersonMoved", "sent: TouchpointForwarded", "refused: link_cycle", "died")
    assert [event for event in must if not events[event]] == []


@pytest.mark.parametrize("safeguard", [*LINKING_SAFEGUARDS, *NEEDED_AS_WELL])
def test_without_one_of_the_safeguards_the_checker_finds_something(safeguard: Safeguard) -> None:
    off = frozenset([safeguard])
    world = ForgettingLinkedWorld if safeguard.startswith("forgets") else LinkWorld
    assert any(world(seed, off=off).run().violations for seed in range(SEEDS_UNTIL_A_MISSING_SAFEGUARD_SHOWS))
