"""Touchpoints from a file through the core: the output in its order, and the summary."""

import io
import json
import random
import statistics
from collections.abc import Callable, Iterator

import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.rfc3339 import format_time, parse_time
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import Program, compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.units import DAY
from etapa.rehearsal.summary import Dwell, Summary, simulate
from tests.support.clickstream import clickstream, json_lines
from tests.support.faulty import Faulty

JOURNEY = journey_or_raise(
    """
journey: shop
version: 7
stages:
  - {id: discovery, phase: pre-purchase}
  - {id: purchase, phase: purchase}
  - {id: loyalty, phase: post-purchase}
rules:
  - {id: buys, to: purchase, when: {event: purchase}}
  - {id: buys-often, to: loyalty, when: {count: purchase, within: 30d, gte: 2}}
  - {id: joins, to: loyalty, when: {event: joins_programme}}
  - {id: cools-down, from: [purchase, loyalty], to: discovery, when: {idle: 10d}}
""",
    "shop.yaml",
)
PROGRAM = compile_journey(JOURNEY)
START = parse_time("2026-01-01T00:00:00Z")


def line(customer: str, day: float, touchpoint_type: str = "visit", identity: str | None = None) -> bytes:
    at = format_time(START + round(day * DAY))
    touchpoint = {"id": identity or f"{customer}-{day}", "customer_id": customer, "type": touchpoint_type, "occurred_at": at}
    return json.dumps(touchpoint).encode() + b"\n"


def run(*lines: bytes, until: float | None = None, summary: Summary | None = None) -> list[tuple[str, float, str | None, str, str | None]]:
    """Changes as (customer, day, from, to, rule)."""
    end = None if until is None else START + round(until * DAY)
    changes = simulate(PROGRAM, JOURNEY, io.BytesIO(b"".join(lines)), end, summary=summary)
    return [(change.customer_id, (change.at - START) / DAY, change.source, change.to, change.rule) for change in changes]


def test_changes_come_in_the_order_in_which_touchpoints_are_processed() -> None:
    assert run(line("b", 0), line("a", 0), line("b", 1, "purchase"), line("a", 1, "joins_programme"), line("b", 2, "purchase")) == [
        ("b", 0, None, "discovery", None),
        ("a", 0, None, "discovery", None),
        ("b", 1, "discovery", "purchase", "buys"),
        ("a", 1, "discovery", "loyalty", "joins"),
        ("b", 2, "purchase", "loyalty", "buys-often"),
    ]


def test_timers_before_a_customers_touchpoint_come_with_it() -> None:
    assert run(line("a", 0, "purchase"), line("b", 20), line("a", 21)) == [
        ("a", 0, None, "discovery", None),
        ("a", 0, "discovery", "purchase", "buys"),
        ("b", 20, None, "discovery", None),
        ("a", 10, "purchase", "discovery", "cools-down"),
    ]


def test_after_the_last_touchpoint_no_timer_fires_unless_asked_for() -> None:
    assert run(line("a", 0, "purchase"))[-1] == ("a", 0, "discovery", "purchase", "buys")
    assert run(line("a", 0, "purchase"), until=9.9)[-1] == ("a", 0, "discovery", "purchase", "buys")


def test_until_runs_timers_up_to_and_including_it() -> None:
    assert run(line("a", 0, "purchase"), until=10)[-1] == ("a", 10, "purchase", "discovery", "cools-down")


def test_until_runs_everybodys_timers_in_order_of_time_then_customer() -> None:
    lines = [line("c", 0, "purchase"), line("b", 1, "purchase"), line("a", 1, "purchase"), line("d", 0.5, "purchase")]
    assert [change[:2] for change in run(*lines, until=40)[8:]] == [("c", 10), ("d", 10.5), ("a", 11), ("b", 11)]


def test_touchpoints_may_lie_ahead_of_any_clock() -> None:
    assert run(line("a", 365_000)) == [("a", 365_000, None, "discovery", None)]


def test_changes_come_out_while_lines_are_still_to_come() -> None:
    class Pipe(io.BytesIO):
        reads = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            return super().readline(size)

    pipe = Pipe(line("a", 0) + line("b", 0) + line("c", 0))
    changes = simulate(PROGRAM, JOURNEY, pipe)
    assert pipe.reads == 0
    assert next(changes).customer_id == "a"
    assert pipe.reads == 1


def test_bad_lines_are_counted_and_told_and_the_rest_goes_on() -> None:
    told: list[tuple[int, str]] = []
    summary = Summary(JOURNEY)
    lines = b"".join([b"nonsense\n", line("a", 0), b"\n", b'{"id": "x"}\n', b"\xff\n", b"x" * 400 + b"\n", line("b", 0), b"{"])

    def tell(number: int, why: Rejected) -> None:
        told.append((number, why.reason))

    decoder = decoder_within(TouchpointLimits(max_bytes=200))
    changes = list(simulate(PROGRAM, JOURNEY, io.BytesIO(lines), summary=summary, on_rejected=tell, decoder=decoder))
    assert [change.customer_id for change in changes] == ["a", "b"]
    assert told == [(1, "not_json"), (4, "invalid"), (5, "not_json"), (6, "too_large"), (8, "not_json")]
    assert summary.rejected == {"not_json": 3, "invalid": 1, "too_large": 1}
    assert summary.touchpoints == 2


def program_with_a_bug(rule_id: str, shows: Callable[[int, Touchpoint | None], bool]) -> Program:
    program = compile_journey(JOURNEY)
    for stage in program.stages.values():
        for rule in stage.rules:
            if rule.id == rule_id:
                error = ArithmeticError("no such number")
                rule.condition = Faulty(rule.condition, lambda _, now, touchpoint: shows(now, touchpoint), error)
    return program


def test_a_touchpoint_that_cannot_be_judged_is_left_out_as_if_it_had_not_been_there() -> None:
    bad = [line("a", 12, "purchase", "bad"), line("c", 14, "purchase", "bad")]
    lines = [line("a", 0, "purchase"), line("b", 0), bad[0], line("a", 13), bad[1], line("c", 15)]
    program = program_with_a_bug("buys", lambda now, touchpoint: touchpoint is not None and touchpoint.id == "bad")
    told: list[tuple[int, str]] = []
    summary = Summary(JOURNEY)
    changes = simulate(
        program,
        JOURNEY,
        io.BytesIO(b"".join(lines)),
        summary=summary,
        on_rejected=lambda number, why: told.append((number, why.reason)),
    )
    kept = b"".join(one for one in lines if one not in bad)
    assert list(changes) == list(simulate(PROGRAM, JOURNEY, io.BytesIO(kept)))
    assert told == [(3, "evaluation_failed"), (5, "evaluation_failed")]
    assert summary.rejected == {"evaluation_failed": 2}
    assert (summary.touchpoints, summary.customers) == (4, 3)


@pytest.mark.parametrize(("lines", "until"), [([line("a", 0, "purchase")], 30), ([line("a", 0, "purchase"), line("a", 20)], None)])
def test_a_timer_that_cannot_be_judged_is_dropped_and_counted(lines: list[bytes], until: int | None) -> None:
    program = program_with_a_bug("cools-down", lambda now, touchpoint: now == START + 10 * DAY)
    summary = Summary(JOURNEY)
    end = None if until is None else START + until * DAY
    changes = list(simulate(program, JOURNEY, io.BytesIO(b"".join(lines)), end, summary=summary))
    assert [change.to for change in changes] == ["discovery", "purchase"]
    assert summary.dropped_timers == 1


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_files_from_any_system_are_read(end: bytes) -> None:
    lines = [line("a", 0).rstrip(), b"", line("a", 1, "purchase").rstrip()]
    assert len(run(b"\xef\xbb\xbf" + end.join(lines))) == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("excess", [0, 1, 2, 3, 500])
def test_a_line_is_taken_up_to_the_limit(end: bytes, excess: int) -> None:
    longest = line("a", 0).rstrip()
    summary = Summary(JOURNEY)
    file = io.BytesIO(longest + b" " * excess + end + (line("b", 0).rstrip() if end else b""))
    for _ in simulate(PROGRAM, JOURNEY, file, summary=summary, decoder=decoder_within(TouchpointLimits(max_bytes=len(longest)))):
        pass
    assert summary.rejected.total() == (1 if excess else 0)
    assert summary.touchpoints == (0 if excess else 1) + (1 if end else 0)


def test_an_endless_line_is_not_kept() -> None:
    class Endless:
        """A line of a gigabyte, then nothing."""

        left = 2**30
        largest = 0

        def readline(self, limit: int, /) -> bytes:
            size = min(limit, self.left)
            self.left -= size
            self.largest = max(self.largest, size)
            return b"x" * size

    lines, summary = Endless(), Summary(JOURNEY)
    assert list(simulate(PROGRAM, JOURNEY, lines, summary=summary)) == []
    assert summary.rejected == {"too_large": 1}
    assert lines.largest < 2**21


def test_the_summary_adds_up() -> None:
    summary = Summary(JOURNEY)
    lines = [line("a", 0), line("b", 0), line("c", 0), line("a", 1, "purchase"), line("a", 3, "purchase"), line("b", 2, "purchase")]
    lines += [line("b", 2, "purchase"), b"?\n"]
    run(*lines, until=12.5, summary=summary)
    found = summary.as_json()
    assert [finding["kind"] for finding in found.pop("findings")] == ["unusable", "unnamed_types", "missing_types"]
    assert found == {
        "journey": "shop",
        "version": 7,
        "touchpoints": 7,
        "duplicates": 1,
        "links": 0,
        "joined": 0,
        "rejected": {"not_json": 1},
        "dropped_timers": 0,
        "stage_changes": 7,
        "customers": 3,
        "stages": {"discovery": 2, "purchase": 0, "loyalty": 1},
        "transitions": [
            {"from": None, "to": "discovery", "count": 3},
            {"from": "discovery", "to": "purchase", "count": 2},
            {"from": "purchase", "to": "discovery", "count": 1},
            {"from": "purchase", "to": "loyalty", "count": 1},
        ],
        "median_dwell_seconds": {"discovery": 86_400.0, "purchase": 172_800.0, "loyalty": None},
        "rules": {"buys": 2, "buys-often": 1, "joins": 0, "cools-down": 1},
        "rules_never_fired": ["joins"],
        "campaigns": {},
        "goals": {},
    }
    json.dumps(summary.as_json())


def test_a_journey_that_nobody_walks_has_a_summary() -> None:
    summary = Summary(JOURNEY)
    assert run(summary=summary, until=100) == []
    assert summary.customers == 0
    assert summary.rules_never_fired == ["buys", "buys-often", "joins", "cools-down"]


@pytest.mark.parametrize("count", [1, 2, 3, Dwell.EXACT - 1, Dwell.EXACT])
def test_a_median_of_few_is_exact(count: int) -> None:
    source = random.Random(count)
    values = [source.randrange(10**15) for _ in range(count)]
    dwell = Dwell()
    for value in values:
        dwell.add(value)
    assert dwell.median() == statistics.median_low(values)


@pytest.mark.parametrize("largest", [1, 1000, 10**9, 10**17])
def test_a_median_of_many_is_right_to_one_percent(largest: int) -> None:
    source = random.Random(largest)
    values = [int(largest ** source.random()) for _ in range(20_000)]
    dwell = Dwell()
    for value in values:
        dwell.add(value)
    assert dwell.median() == pytest.approx(statistics.median_low(values), rel=0.011, abs=1)


def per_customer(changes: Iterator[StageChange]) -> dict[str, list[StageChange]]:
    found: dict[str, list[StageChange]] = {}
    for change in changes:
        found.setdefault(change.customer_id, []).append(change)
    return found


def test_half_a_year_of_a_shop_adds_up() -> None:
    touchpoints = clickstream()
    summary = Summary(JOURNEY)
    changes = per_customer(simulate(PROGRAM, JOURNEY, io.BytesIO(json_lines(touchpoints)), touchpoints[-1].at, summary=summary))
    assert summary.touchpoints == len(touchpoints)
    assert summary.customers == len(changes) == len({touchpoint.customer_id for touchpoint in touchpoints})
    assert summary.changes == sum(map(len, changes.values())) == summary.transitions.total()
    for chain in changes.values():
        assert [change.sequence for change in chain] == list(range(1, len(chain) + 1))
        assert [change.source for change in chain[1:]] == [change.to for change in chain[:-1]]
        assert [change.at for change in chain] == sorted(change.at for change in chain)


def test_customers_do_not_touch_each_other() -> None:
    touchpoints = clickstream()
    together = per_customer(simulate(PROGRAM, JOURNEY, io.BytesIO(json_lines(touchpoints)), touchpoints[-1].at))
    one_by_one = sorted(touchpoints, key=lambda touchpoint: touchpoint.customer_id)
    assert per_customer(simulate(PROGRAM, JOURNEY, io.BytesIO(json_lines(one_by_one)), touchpoints[-1].at)) == together
