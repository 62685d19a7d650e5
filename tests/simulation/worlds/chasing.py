"""A journey whose rules chase each other by time, in a task that commits after very few timers: each stretch of time needs many batches."""

from dataclasses import replace
from random import Random
from typing import Final

import msgspec

from etapa.journey.engine.judging.program import Program
from tests.simulation.checking.checker import Expectations
from tests.simulation.worlds.scenario import JOURNEY, SimulationScenario, exploding_program, scenario_of
from tests.simulation.worlds.world import World

# The condition on a trait keeps it from being an error.
_CHASE: Final = """\
  - {id: nudged, from: new, to: gone, when: {all: [{in_stage: 1s}, {not: {trait: persona, eq: robot}}]}}
  - {id: forgets, from: gone, to: new, when: {all: [{in_stage: 1s}, {not: {trait: persona, eq: robot}}]}}
caps:"""

CHASING: Final = exploding_program(JOURNEY.read_text().replace("caps:", _CHASE))


class ChasingWorld(World):
    """Customers go to and fro every second as long as nothing happens."""

    def choose(self, random: Random) -> SimulationScenario:
        scenario = scenario_of(random)
        # From old history until now there would be a hundred million moves.
        shop = msgspec.structs.replace(scenario.shop, kind="live")
        options = msgspec.structs.replace(scenario.options, max_fired=random.choice((1, 2, 5)), pause_every=random.choice((1, 3)))
        return msgspec.structs.replace(scenario, shop=shop, options=options)

    def next_program(self) -> Program:
        return CHASING

    def expectations(self) -> Expectations:
        return replace(super().expectations(), program=CHASING)
