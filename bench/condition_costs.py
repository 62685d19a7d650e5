"""What each kind of condition costs and takes: CPU for a touchpoint and bytes of a customer's state, beside a rule that remembers nothing.

    python -m bench.condition_costs [--touchpoints N] [--customers N] [KIND …]

Each kind stands in one journey, in a rule that nothing makes true, so that it is judged and its next turn is found every time. The
touchpoints are a year of a shop, in which every customer has a birthday and a zone.
"""

import argparse
import gc
import random
from statistics import median
from time import process_time

from bench.core_touch import START
from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import HOUR

NOTHING = "(nothing)"
CONDITIONS = {
    NOTHING: "{event: never}",
    "event": "{event: purchase, where: {properties.amount: {gt: 1000000}}}",
    "trait": "{trait: tier, eq: gold}",
    "count, ever": "{count: visit, gte: 100000}",
    "count, within": "{count: visit, within: 30d, gte: 100000}",
    "count, before": "{count: visit, before: 30d, gte: 100000}",
    "count, within and before": "{count: visit, within: 60d, before: 30d, gte: 100000}",
    "count, this month": "{count: visit, calendar: this month, gte: 100000}",
    "count, last month": "{count: visit, calendar: last month, gte: 100000}",
    "days, ever": "{days: visit, gte: 100000}",
    "days, within": "{days: visit, within: 30d, gte: 100000}",
    "days, this month": "{days: visit, calendar: this month, gte: 100000}",
    "days, last month": "{days: visit, calendar: last month, gte: 100000}",
    "sum, ever": "{sum: properties.amount, of: visit, gte: 1000000000}",
    "sum, within": "{sum: properties.amount, of: visit, within: 30d, gte: 1000000000}",
    "sum, before": "{sum: properties.amount, of: visit, before: 30d, gte: 1000000000}",
    "sum, this month": "{sum: properties.amount, of: visit, calendar: this month, gte: 1000000000}",
    "sum, last month": "{sum: properties.amount, of: visit, calendar: last month, gte: 1000000000}",
    "sum, as number, within": "{sum: properties.total, of: visit, as: number, within: 30d, gte: 1000000000}",
    "sum, of elements, within": "{sum: 'properties.lines[].price', of: visit, within: 30d, gte: 1000000000}",
    "sum, with weights, within": "{sum: properties.amount, of: {visit: 1, refund: -1}, within: 30d, gte: 1000000000}",
    "count, with weights, within": "{count: {visit: 1, refund: -1}, within: 30d, gte: 100000}",
    "count, where as number, within": "{count: visit, where: {properties.total: {as: number, gte: 0}}, within: 30d, gte: 100000}",
    "count, where as date, within": '{count: visit, where: {properties.paid: {as: date, gte: "2020-01-01"}}, within: 30d, gte: 100000}',
    "count, where any element, within": "{count: visit, where: {properties.lines: {any: {price: {gte: 0}}}}, within: 30d, gte: 100000}",
    "count, where all elements, within": "{count: visit, where: {properties.lines: {all: {price: {gte: 0}}}}, within: 30d, gte: 100000}",
    "distinct, within": "{distinct: properties.item, of: visit, within: 30d, gte: 100000}",
    "distinct, last month": "{distinct: properties.item, of: visit, calendar: last month, gte: 100000}",
    "last, within": "{last: properties.item, of: visit, within: 30d, eq: nothing}",
    "last, last month": "{last: properties.item, of: visit, calendar: last month, eq: nothing}",
    "first": "{first: properties.item, of: visit, eq: nothing}",
    "absent": "{absent: visit, for: 400d}",
    "absent, own pace": "{absent: visit, for: {gaps: 1000, at_least: 400d}}",
    "sequence": "{sequence: [{event: purchase}, {event: never}], within: 30d}",
    "score": "{score: {visit: 1}, half_life: 30d, gte: 100000}",
    "date": "{date: contract_ends, from: 4000d}",
    "date, every year": "{all: [{date: birthday, every: year, from: -7d, to: 1d}, {trait: tier, eq: gold}]}",
    "clock": '{all: [{clock: {hours: "21:00-08:00"}}, {trait: tier, eq: gold}]}',
}


def journey_with(condition: str) -> Program:
    text = (
        "journey: costs\nversion: 1\nzone: {trait: timezone, else: America/La_Paz}\nstages: [{id: one}, {id: two}]\n"
        f"rules:\n  - {{id: on, from: one, to: two, when: {condition}}}\n  - {{id: back, from: two, to: one, when: {{event: never}}}}\n"
    )
    return compile_journey(journey_or_raise(text, "costs.yaml"))


def made_up(touchpoints: int, customers: int) -> list[Touchpoint]:
    """A year; one in twenty is late. Every customer tells a date, and in which of a few zones it is."""
    rnd = random.Random(14)
    zones = ["America/La_Paz", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe"]
    step = 365 * 24 * HOUR // touchpoints
    made: list[Touchpoint] = []
    for number in range(touchpoints):
        customer = rnd.randrange(customers)
        at = START + number * step - (rnd.randrange(HOUR) if rnd.random() < 0.05 else 0)
        birthday = f"{1950 + customer % 50}-{customer % 12 + 1:02}-{customer % 28 + 1:02}"
        traits = {"birthday": birthday, "contract_ends": birthday, "timezone": zones[customer % 4], "tier": "silver"}
        amount = round(rnd.uniform(5, 200), 2)
        lines = [{"price": round(amount / 2, 2)}, {"price": round(amount / 2, 2)}]
        properties = {"amount": amount, "total": f"{amount}", "paid": "2026-11-21", "lines": lines, "item": f"i-{rnd.randrange(40)}"}
        made.append(Touchpoint(f"e-{number}", f"c-{customer}", "visit", at, "web", properties, traits))
    return made


def measured(program: Program, touchpoints: list[Touchpoint]) -> tuple[float, float]:
    """Microseconds of CPU for a touchpoint, the median of three; and bytes of a state."""
    spent = []
    customers: dict[str, Customer] = {}
    for _ in range(3):
        gc.collect()
        customers = {}
        started = process_time()
        for touchpoint in touchpoints:
            customers[touchpoint.customer_id] = touch(program, customers.get(touchpoint.customer_id), touchpoint).customer
        spent.append(process_time() - started)
    size = sum(len(encode_state(each)) for each in customers.values()) / len(customers)
    return median(spent) / len(touchpoints) * 1e6, size


def main() -> None:
    options = argparse.ArgumentParser(description="What each kind of condition costs and takes.")
    options.add_argument("kinds", nargs="*", default=list(CONDITIONS))
    options.add_argument("--touchpoints", type=int, default=100_000)
    options.add_argument("--customers", type=int, default=2_000)
    chosen = options.parse_args()
    touchpoints = made_up(chosen.touchpoints, chosen.customers)
    base, bare = measured(journey_with(CONDITIONS[NOTHING]), touchpoints)
    counted = measured(journey_with(CONDITIONS["count, within"]), touchpoints)[0] - base
    print(f"{base:.2f} µs and {bare:.0f} bytes without any")
    print("| condition | µs | beside `count` | bytes |\n| --- | --- | --- | --- |")
    for kind in chosen.kinds:
        cost, size = measured(journey_with(CONDITIONS[kind]), touchpoints)
        print(f"| {kind} | {cost - base:.1f} | {(cost - base) / counted:.1f} | {size - bare:.0f} |", flush=True)


if __name__ == "__main__":
    main()
