"""What a touchpoint costs as things grow: customers, partitions, rules, touchpoints in a window; and at their worst.

    python -m bench.growth [--customers N] [--portion N] [--only SECTION]

Rules and windows are measured on the worker's way with a batch, in this process, with log and view in memory; everything else on the
real worker with a real Kafka and Redis. The figure is CPU for each touchpoint, because how many fit into a second hangs on what
else the machine does: the median of several portions. Every curve is judged for cliffs.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from statistics import median

import click
import msgspec

from bench.measuring.batch_path import records_of, through_task
from bench.measuring.growth_worker import Spent, fed_worker
from bench.reporting.figures import RULES_SECTION, Curve, CurvePoint
from bench.reporting.report import Table, machine, write_json
from bench.reporting.results_folder import RESULTS
from bench.servers.place import BenchPlace, servers
from bench.workload.growth_journeys import MOST_RULES, WINDOW_KINDS, in_window, with_rules, with_window
from bench.workload.growth_portions import IN_STAGE, PortionedShop
from bench.workload.touchpoints import made_up
from etapa.hosting.garbage import spare_the_garbage_collector
from etapa.journey.engine.judging.program import Program
from etapa.journey.units import DAY, SECOND
from etapa.stream.protocol.records import Record

START = 1_735_689_600 * SECOND
RULES = (5, 10, 20, 50, 100, 200, 500, 1_000)
EAGER = 20
"""So many rules move as many customers as in a real journey; the ones after them only have to be judged."""
WINDOW = (1, 2, 5, 10, 20, 40, 100, 250)
CUSTOMERS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000)
PARTITIONS = (1, 2, 4, 8, 16, 32, 64)
TIMERS = (1_000, 10_000, 100_000)
IN_PROCESS = 12_000
"""Touchpoints for each point that is measured in this process."""
ROUNDS = 5
PORTIONS = 3
"""Portions for each point that is measured on the worker."""
CHUNK = 200_000
WINDOW_SECTION = "touchpoints in a window"
MEASURED_IN_PROCESS = frozenset({RULES_SECTION, WINDOW_SECTION})
_IN_PROCESS_SETTINGS = {"in_process": IN_PROCESS, "rounds": ROUNDS, "statistic": "median"}


class GrowthCase(msgspec.Struct, frozen=True):
    """Something at its worst, and what that is to be compared with."""

    name: str
    cpu: float
    redis_cpu: float
    seconds: float
    count: int


def rules_curves() -> Iterator[Curve]:
    records = records_of(list(made_up(IN_PROCESS, 600, START, START + 180 * DAY)))
    for name, spread, eager in (
        ("out of six stages", True, MOST_RULES),
        ("all out of one stage", False, MOST_RULES),
        ("all out of one stage, moving nobody more often", False, EAGER),
    ):
        yield Curve(RULES_SECTION, name, _medians({count: (with_rules(count, spread=spread, eager=eager), records) for count in RULES}))


def window_curves() -> Iterator[Curve]:
    for kind in WINDOW_KINDS:
        program = with_window(kind)
        # Long enough for windows to fill and to slide on.
        customers = {number: max(1, IN_PROCESS // (3 * number)) for number in WINDOW}
        points = {number: (program, records_of(in_window(number, IN_PROCESS, customers[number], START))) for number in WINDOW}
        yield Curve(WINDOW_SECTION, kind, _medians(points))


def _medians(points: Mapping[int, tuple[Program, Sequence[Record]]]) -> list[CurvePoint]:
    """The median CPU of several rounds over all points, so that what else the machine does falls on all of them."""
    # As a worker does. Otherwise the points that happen to come when Python looks through all objects pay for it.
    spare_the_garbage_collector()
    spent: dict[int, list[float]] = {x: [] for x in points}
    for _ in range(ROUNDS):
        for x, (program, records) in points.items():
            spent[x].append(through_task(program, records))
    return [CurvePoint(x, median(seconds) / IN_PROCESS * 1e6) for x, seconds in spent.items()]


def partitions_curve(place: BenchPlace, portion: int) -> Iterator[Curve]:
    points, idle = [], []
    for partitions in PARTITIONS:
        with fed_worker(place._replace(partitions=partitions), f"partitions-{partitions}") as worker:
            shop = PortionedShop(START)
            worker.feed(shop.anyone(portion // 4, 20_000))
            points.append(_point(partitions, [worker.feed(shop.anyone(portion, 20_000)) for _ in range(PORTIONS)]))
            idle.append(CurvePoint(partitions, 1e6 * worker.idle(3.0) / partitions))
    yield Curve("partitions of a worker", "a topic full of touchpoints", points)
    yield Curve("idle partitions", "a second of an idle partition", idle)


def timer_cases(place: BenchPlace) -> Iterator[GrowthCase]:
    """Customers who bought in the same second all move on by the clock in the same second, a week later."""
    with fed_worker(place, "timers") as worker:
        shop = PortionedShop(START)
        first = 0
        for count in TIMERS:
            worker.feed(shop.in_one_second(range(first, first + count), "purchase"))
            first += count
            # What makes them fire: stream time goes on beyond their time and the grace.
            spent = worker.feed(shop.after(IN_STAGE + 60 * SECOND, place.partitions))
            yield GrowthCase(
                f"{count:,} timers in one second",
                spent.cpu_seconds / count * 1e6,
                spent.redis_cpu_seconds / count * 1e6,
                spent.seconds,
                count,
            )


def customer_figures(place: BenchPlace, portion: int, most: int) -> Iterator[Curve | GrowthCase]:
    with fed_worker(place, "customers") as worker:
        shop = PortionedShop(START)
        points: list[CurvePoint] = []
        known = 0
        new: list[Spent] = []
        for customers in [each for each in CUSTOMERS if each <= most]:
            starts = range(known, customers, CHUNK)
            new += [worker.feed(shop.everyone(range(first, min(first + CHUNK, customers))), at_once=False) for first in starts]
            known = customers
            if len(points) == 0:
                yield _case(f"{customers:,} customers, evenly", [worker.feed(shop.anyone(portion, customers)) for _ in range(PORTIONS)])
                half = [worker.feed(shop.half_from_one(portion, customers)) for _ in range(PORTIONS)]
                yield _case("one of them has half of all touchpoints", half)
            points.append(_point(customers, [worker.feed(shop.anyone(portion, customers)) for _ in range(PORTIONS)]))
        yield Curve("customers", "each touchpoint of any of them", points)
        yield _case("new customers, each touchpoint another", new)
        # Those who came first were let go of long ago.
        yield _case("cold customers, each touchpoint another, all in Redis", [worker.feed(shop.everyone(range(portion)))])
        warm = [worker.feed(shop.everyone(range(portion))) for _ in range(PORTIONS)]
        yield _case("the same once more, all in memory", warm)


def _point(x: int, portions: Sequence[Spent]) -> CurvePoint:
    """Medians of the portions."""
    return CurvePoint(
        x,
        median(spent.cpu_microseconds for spent in portions),
        median(spent.redis_cpu_microseconds for spent in portions),
        median(spent.touchpoints / spent.seconds for spent in portions),
    )


def _case(name: str, portions: Sequence[Spent]) -> GrowthCase:
    """The portion in the middle by what it cost."""
    middle = sorted(portions, key=lambda spent: spent.cpu_microseconds)[len(portions) // 2]
    return GrowthCase(name, middle.cpu_microseconds, middle.redis_cpu_microseconds, middle.seconds, middle.touchpoints)


def curve_table(curves: Sequence[Curve]) -> Table:
    rows = []
    for curve in curves:
        factor, before, after = curve.steepest()
        rows.append(
            [
                f"{curve.section}: {curve.name}",
                f"{curve.points[0].x:,} to {curve.points[-1].x:,}",
                f"{curve.points[0].cpu:.1f}",
                f"{curve.points[-1].cpu:.1f}",
                f"×{factor:.2f} from {before:,} to {after:,}",
                "a cliff" if curve.has_cliff() else "none",
            ]
        )
    return Table(["CPU µs for each touchpoint", "from, to", "first", "last", "largest step", "cliff"], rows)


def rules_in_words(curves: Sequence[Curve], few: int, many: int) -> str:
    """How much dearer a touchpoint is with many rules than with few, for each curve of rules that has both points."""
    told = []
    for curve in curves:
        cpu = {point.x: point.cpu for point in curve.points}
        if curve.section == RULES_SECTION and {few, many} <= cpu.keys():
            most = max(cpu)
            more = "" if most <= many else f"; with {most:,} it costs {cpu[most]:.1f} µs"
            told.append(
                f"- {curve.name}: with {many} rules a touchpoint costs {cpu[many] / cpu[few]:.1f} times as much as with {few}{more}."
            )
    return "\n".join(told)


def points_table(curve: Curve) -> Table:
    rows = [
        [
            f"{point.x:,}",
            f"{point.cpu:.1f}",
            "" if point.redis_cpu is None else f"{point.redis_cpu:.1f}",
            "" if point.per_second is None else f"{point.per_second:,.0f}",
        ]
        for point in curve.points
    ]
    return Table([f"{curve.section}: {curve.name}", "CPU µs", "Redis CPU µs", "a second"], rows)


def case_table(cases: Sequence[GrowthCase]) -> Table:
    rows = [
        [case.name, f"{case.cpu:.1f}", f"{case.redis_cpu:.1f}", f"{case.seconds:.2f}", f"{case.count / case.seconds:,.0f}"]
        for case in cases
    ]
    return Table(["at its worst", "CPU µs each", "Redis CPU µs each", "seconds", "a second"], rows)


def _put_in(about: Mapping[str, object], curves: Sequence[Curve]) -> None:
    """Put curves in the place of the old ones in the kept results, with where and when they were measured."""
    kept = json.loads((RESULTS / "growth.json").read_text(encoding="utf-8"))
    sections = {curve.section for curve in curves}
    others = [curve for curve in msgspec.convert(kept["results"]["curves"], list[Curve]) if curve.section not in sections]
    together = [*curves, *others]
    kept["results"]["curves"] = msgspec.to_builtins(together)
    if sections & MEASURED_IN_PROCESS:
        kept["settings"] |= _IN_PROCESS_SETTINGS
    kept["measured_later"] = {**kept.get("measured_later", {}), **dict.fromkeys(sorted(sections), msgspec.to_builtins(about))}
    (RESULTS / "growth.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    from bench.reporting.growth_plot import plot_growth

    plot_growth(together, RESULTS)


SECTIONS = ("rules", "window", "partitions", "timers", "customers")


@click.command()
@click.option("--customers", default=CUSTOMERS[-1], show_default=True, help="Most customers.")
@click.option("--portion", default=60_000, show_default=True, help="Touchpoints for each point that is measured on the worker.")
@click.option(
    "--only", multiple=True, type=click.Choice(SECTIONS), help="Sections; several times for several. Saves nothing without --keep."
)
@click.option("--keep", is_flag=True, help="With --only: put these curves in the place of the old ones in the kept results.")
def main(customers: int, portion: int, only: tuple[str, ...], keep: bool) -> None:  # noqa: FBT001
    """Measure what a touchpoint costs as things grow."""
    if keep and len({"rules", "window"} & set(only)) == 1:
        raise click.UsageError("with --keep, rules and window go together: --only rules --only window")
    about = machine()
    started = time.monotonic()
    curves: list[Curve] = []
    cases: list[GrowthCase] = []
    with ExitStack() as stack:
        place = stack.enter_context(servers(4)) if not only or set(only) - {"rules", "window"} else None

        def on_servers(figures: Callable[[BenchPlace], Iterator[Curve | GrowthCase]]) -> Iterator[Curve | GrowthCase]:
            assert place is not None  # noqa: S101 - they are there for every section that asks
            return figures(place)

        sections: dict[str, Callable[[], Iterator[Curve | GrowthCase]]] = {
            "rules": rules_curves,
            "window": window_curves,
            "partitions": lambda: on_servers(lambda there: partitions_curve(there, portion)),
            "timers": lambda: on_servers(timer_cases),
            "customers": lambda: on_servers(lambda there: customer_figures(there, portion, customers)),
        }
        for name in only or SECTIONS:
            for figure in sections[name]():
                if isinstance(figure, Curve):
                    curves.append(figure)
                    click.echo(points_table(figure).as_text() + "\n", err=True)
                else:
                    cases.append(figure)
                    click.echo(case_table([figure]).as_text() + "\n", err=True)
    if curves:
        click.echo(curve_table(curves).as_text())
    if cases:
        click.echo("\n" + case_table(cases).as_text())
    click.echo(f"\nin {time.monotonic() - started:.0f} s", err=True)
    if only and keep:
        _put_in(about, curves)
    if not only:
        settings = {"portion": portion, "portions": PORTIONS, "partitions": 4, **_IN_PROCESS_SETTINGS}
        write_json(RESULTS / "growth.json", about, settings, {"curves": curves, "cases": cases})
        from bench.reporting.growth_plot import plot_growth

        plot_growth(curves, RESULTS)
        click.echo(f"Results and plots: {RESULTS}/growth.json, .png, .svg", err=True)


if __name__ == "__main__":
    main()
