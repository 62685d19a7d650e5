"""What a seed chooses before the run begins: the shop, the weather, the bounds of the task, how much goes wrong."""

from pathlib import Path
from random import Random

import msgspec

from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import SECOND
from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.machines.network import Weather
from tests.simulation.worlds.shop import SimulatedShop
from tests.support.faulty import Faulty

JOURNEY = Path(__file__).with_name("journey.yaml")


class SimulationScenario(msgspec.Struct, frozen=True):
    """What a run is made of."""

    shop: SimulatedShop
    weather: Weather
    options: TaskOptions
    skew: int
    """The most microseconds by which the workers' wall clocks may be wrong."""
    faults: int
    """The number of faults: a killed worker, a second owner, a Redis that loses writes, and so on."""
    pause: float = 4.0
    """The most seconds between two faults."""
    partitions: int = 1
    members: int = 1
    """The number of workers at the beginning."""
    rolling: bool = False
    """Whether two versions of the journey are at work."""
    session: float = 10.0
    """Seconds without a heartbeat after which the group considers a worker dead."""
    rebalance: float = 10.0
    """Seconds that the group waits for a worker to give up its partitions and join again."""
    stop_seconds: float = 5.0
    """Seconds that a worker may take to finish its batches when the group revokes partitions."""


def exploding_program(text: str) -> Program:
    """The simulated journey, in which judging a touchpoint of type `boom` raises."""
    program = compile_journey(journey_or_raise(text, JOURNEY.name))
    for stage in program.stages.values():
        for rule in stage.rules:
            if rule.id.startswith("explodes"):
                rule.condition = Faulty(rule.condition, lambda *_: True, ZeroDivisionError("boom"))
    return program


PROGRAM = exploding_program(JOURNEY.read_text())


def scenario_of(random: Random) -> SimulationScenario:
    """A scenario for a seed."""
    live = random.random() < 0.5
    grace = PROGRAM.grace
    late = random.choice((0, grace // 2, grace // 2, 15 * SECOND))
    rough = random.random()
    return SimulationScenario(
        shop=SimulatedShop(
            kind="live" if live else "history",
            touchpoints=random.randrange(5, 80),
            customers=random.randrange(1, 7),
            late=late,
            bad=random.choice((0.0, 0.1)),
            duplicate=random.choice((0.0, 0.15)),
            poison=random.choice((0.0, 0.0, 0.03)),
            burst=random.choice((1, 5, 30)),
            pause=random.choice((0.1, 2.0, 6.0)),
        ),
        weather=Weather(
            delay=random.choice((0.001, 0.01, 0.1)),
            slow=random.choice((0.0, 0.02, 0.1)),
            slowest=random.choice((1.0, 5.0)),
            lost=random.choice((0.0, 0.01, 0.05)) * rough,
            kill=random.choice((0.0, 0.01)) * rough,
        ),
        options=TaskOptions(
            group="simulated",
            quiet_after=20 * SECOND,
            max_records=random.choice((1, 3, 10, 1000)),
            max_bytes=random.choice((200, 1000, 1_000_000)),
            max_timers=random.choice((1, 2, 5, 1000)),
            customers_in_memory=random.choice((0, 1, 3, 1000)),
            pause_every=random.choice((1, 3, 100)),
            idle_wait=random.choice((0.5, 3.0, 5.0)),
        ),
        skew=random.choice((0, 0, 60 * SECOND)),
        faults=random.randrange(0, 12),
        pause=random.choice((1.0, 4.0)),
    )


def group_scenario_of(random: Random) -> SimulationScenario:
    """A scenario for a seed, with several partitions and workers."""
    scenario = scenario_of(random)
    shop = msgspec.structs.replace(
        scenario.shop, touchpoints=random.randrange(10, 100), customers=random.randrange(2, 12), pause=random.choice((0.1, 1.0, 3.0))
    )
    # A batch of one record each is for runs with one partition; here it would only be slow.
    options = msgspec.structs.replace(scenario.options, max_records=random.choice((2, 5, 1000)))
    return msgspec.structs.replace(
        scenario,
        shop=shop,
        options=options,
        partitions=random.randrange(2, 5),
        members=random.randrange(1, 4),
        rolling=random.random() < 0.4,
        session=random.choice((3.0, 6.0, 10.0)),
        rebalance=random.choice((3.0, 10.0)),
        stop_seconds=random.choice((0.05, 2.0, 5.0)),
    )
