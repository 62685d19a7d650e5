"""Worlds in which records go through a source: each holds several touchpoints of one customer, some of them unwanted or broken."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import msgspec

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.sources.decoding import SourceDecoder
from etapa.sources.language.loading import load_source
from etapa.sources.mapping import Mapper
from tests.simulation.checking.checker import Expectations
from tests.simulation.worlds.scenario import SimulationScenario, scenario_of
from tests.simulation.worlds.shop import Arrival, SimulatedShop
from tests.simulation.worlds.world import World

TEXT: Final = """
source: batches
each: batch
skip: [{type: ping}]
touchpoint:
  id: id
  customer_id: customer_id
  type: type
  occurred_at: occurred_at
  channel: channel
  traits: {"*": traits}
"""


def source_decoder(text: str = TEXT, limits: TouchpointLimits | None = None) -> SourceDecoder:
    """The source that reads the records of these worlds."""
    source = load_source(text, "batches.yaml").source
    assert source is not None
    return SourceDecoder(Mapper(source), limits or TouchpointLimits())


def packed(random: Random, arrivals: Iterator[Arrival]) -> Iterator[Arrival]:
    """Puts consecutive touchpoints of one customer into one record."""
    held: list[Arrival] = []
    for arrival in arrivals:
        if held and (arrival.key != held[0].key or random.random() < 0.2 or len(held) > 8):
            yield record_of(random, held)
            held = []
        if not (arrival.value or b"").startswith(b"{") or arrival.key is None:
            if held:
                yield record_of(random, held)
                held = []
            yield arrival
        else:
            held.append(arrival)
    if held:
        yield record_of(random, held)


def record_of(random: Random, held: Sequence[Arrival]) -> Arrival:
    """One record with all of them, and between them something that is skipped or broken."""
    batch: list[Any] = []
    for arrival in held:
        if random.random() < 0.15:
            batch.append({"type": "ping"})
        batch.append(json.loads(arrival.value or b""))
        if random.random() < 0.05:
            batch.append(random.choice((None, {}, {"id": "x", "customer_id": "c9", "type": "view", "occurred_at": "2026-01-01T00:00:00Z"})))
    late = max(arrival.late for arrival in held)
    return Arrival(held[0].key, json.dumps({"batch": batch}).encode(), held[0].headers, held[0].gap, late)


class SourcedWorld(World):
    """One partition whose records go through a source."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = scenario_of(random)
        few = random.choice((1, 2, 3, 20))
        shop = msgspec.structs.replace(scenario.shop, customers=random.randrange(1, 4))
        return msgspec.structs.replace(
            scenario,
            shop=shop,
            options=msgspec.structs.replace(
                scenario.options, decoder=source_decoder(), max_records=few, max_fired=random.choice((1, 3, 20_000))
            ),
        )

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        return packed(random, super().arriving(random, shop))

    def expectations(self) -> Expectations:
        decoder = self.scenario.options.decoder
        assert isinstance(decoder, SourceDecoder)
        # Touchpoints packed into one record arrive when the last of them does.
        return replace(super().expectations(), source=decoder, on_time=False)
