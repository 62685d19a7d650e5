"""How long the core takes for a touchpoint, without any server: CPU per touchpoint, timers included.

    python -m bench.core_touch [--journey FILE] [--touchpoints N] [--customers N]

`touch` is classification alone, `partition` adds stream time and the timers of all customers, `state` is a round trip of
a customer's state through its bytes. Each figure is the median of five runs.
"""

import argparse
import gc
import random
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from statistics import median

from bench.workload.touchpoints import CHANNELS, TYPES
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.engine.partition import Partition
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import HOUR, SECOND

START = 1_735_689_600 * SECOND
WALL = START * 2


def made_up(touchpoints: int, customers: int) -> list[Touchpoint]:
    """A year of a shop: time goes on evenly, one in twenty is late, one in a hundred is a repeat."""
    rnd = random.Random(20)
    types = rnd.choices(list(TYPES), list(TYPES.values()), k=touchpoints)
    step = 365 * 24 * HOUR // touchpoints
    made: list[Touchpoint] = []
    for number, kind in enumerate(types):
        if made and rnd.random() < 0.01:
            made.append(rnd.choice(made[-50:]))
            continue
        at = START + number * step - (rnd.randrange(HOUR) if rnd.random() < 0.05 else 0)
        properties = {"amount": round(rnd.uniform(5, 200), 2), "currency": "EUR"} if kind == "purchase" else {"rating": rnd.randint(1, 5)}
        made.append(Touchpoint(f"e-{number}", f"c-{rnd.randrange(customers)}", kind, at, rnd.choice(CHANNELS), properties))
    return made


def through_touch(program: Program, touchpoints: list[Touchpoint]) -> dict[str, Customer]:
    customers: dict[str, Customer] = {}
    for touchpoint in touchpoints:
        customers[touchpoint.customer_id] = touch(program, customers.get(touchpoint.customer_id), touchpoint).customer
    return customers


def through_partition(program: Program, touchpoints: list[Touchpoint]) -> None:
    partition = Partition(program, None)
    for start in range(0, len(touchpoints), 5_000):
        batch = touchpoints[start : start + 5_000]
        for customer_id in partition.missing(each.customer_id for each in batch):
            partition.admit(customer_id, None)
        for touchpoint in batch:
            partition.take(touchpoint, WALL)
        partition.collect()


def measured(name: str, count: int, work: Callable[[], object]) -> None:
    gc.collect()
    spent = median(_spent(work) for _ in range(5))
    print(f"{name:<10} {spent / count * 1e6:6.2f} µs each, {count / spent:>10,.0f}/s")


def _spent(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    options = argparse.ArgumentParser(description="How long the core takes for a touchpoint.")
    options.add_argument("--journey", type=Path, default=Path(str(files("etapa") / "journeys" / "retail.yaml")))
    options.add_argument("--touchpoints", type=int, default=200_000)
    options.add_argument("--customers", type=int, default=5_000)
    chosen = options.parse_args()
    program = compile_journey(journey_or_raise(chosen.journey.read_text("utf-8"), str(chosen.journey)))
    touchpoints = made_up(chosen.touchpoints, chosen.customers)
    measured("touch", len(touchpoints), lambda: through_touch(program, touchpoints))
    measured("partition", len(touchpoints), lambda: through_partition(program, touchpoints))
    states = list(through_touch(program, touchpoints).values())
    measured("state", len(states), lambda: [decode_state(encode_state(state), state.id) for state in states])
    size = sum(len(encode_state(state)) for state in states) / len(states)
    print(f"{'size':<10} {size:6.0f} bytes a customer")


if __name__ == "__main__":
    main()
