"""Worlds in which customers are forgotten while everything goes wrong, and touchpoints of theirs come late, again, or after they may return."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import msgspec

from etapa.contracts.incoming.forget_request import encode_forget_request, read_request
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.units import DAY, SECOND
from etapa.stream.protocol.records import is_request
from tests.simulation.checking.checker import Expectations, mark_of
from tests.simulation.checking.joined import KEY
from tests.simulation.worlds.scenario import SimulationScenario, scenario_of
from tests.simulation.worlds.shop import Arrival, SimulatedShop
from tests.simulation.worlds.world import World

FOR_EVER = 10_000 * DAY
ASKED = 0.08
"""Chance of a request after a touchpoint."""


def request_for(customer_id: str, at: int, readmit_after: int, key: DenyKey = KEY) -> Arrival:
    """The record that asks to forget a customer."""
    request = ForgetRequest(customer_id, key.digest(customer_id), at, at + readmit_after)
    return Arrival(*encode_forget_request(request), 0)


class ForgettingWorld(World):
    """One partition, some of whose customers are forgotten, for some seconds or for ever."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = scenario_of(random)
        return msgspec.structs.replace(scenario, options=msgspec.structs.replace(scenario.options, forget_key=KEY))

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        for arrival in super().arriving(random, shop):
            yield arrival
            if random.random() < ASKED:
                customer_id = f"c{random.randrange(shop.customers)}"
                is_ours = random.random() < 0.9
                self.events["forget"] += is_ours
                self.events["forget, by a stranger"] += not is_ours
                readmit_after = random.choice((FOR_EVER, FOR_EVER, 5 * SECOND, 60 * SECOND))
                yield request_for(customer_id, self.now(), readmit_after, KEY if is_ours else DenyKey(b"stranger"))

    def expectations(self) -> Expectations:
        return replace(super().expectations(), on_time=False, forget_key=KEY)

    def check(self) -> None:
        super().check()
        self._see_that_nothing_of_the_forgotten_is_left()

    def _see_that_nothing_of_the_forgotten_is_left(self) -> None:
        """After a request that holds for ever, no batch says anything about its customer, and neither the view nor the last mark names it."""
        gone: dict[str, int] = {}
        for record in self.broker.touchpoints:
            request = read_request(record.key, record.value, record.headers) if is_request(record.headers) else None
            if (
                isinstance(request, ForgetRequest)
                and request.until - request.at == FOR_EVER
                and KEY.digest(request.customer_id) == request.digest
            ):
                gone.setdefault(request.customer_id, record.offset)
        before = -1
        for committed in self.broker.committed:
            transaction, through = committed.transaction, mark_of(committed).through
            named = [decode_stage_change(one.value or b"").customer_id for one in transaction.stage_changes]
            named += [
                (one.key or b"").decode() for one in (*transaction.states, *transaction.campaign_triggers, *transaction.campaign_outcomes)
            ]
            for customer_id in sorted({one for one in named if one in gone and gone[one] <= before}):
                self.find(f"{customer_id} was forgotten at offset {gone[customer_id]}, and the batch through {through} is about it")
            before = through
        if self.broker.committed:
            last = mark_of(self.broker.committed[-1]).last_change or ""
            for customer_id in sorted(gone):
                if customer_id in self.redis.customers:
                    self.find(f"{customer_id} was forgotten, and the view still has it")
                if last.rpartition("/")[0] == customer_id:
                    self.find(f"{customer_id} was forgotten, and the last mark names its change {last}")
