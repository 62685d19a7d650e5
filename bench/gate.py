"""The performance gate: fails when the core or the batch path costs about twice what it should.

    python -m bench.gate

No time is asserted, since no two machines have the same. What is compared is CPU in this one process, beside the ceiling's: the
plain decoding of the same records. All are measured in turn, round after round. Each is judged by its least round, because a
busy machine only ever adds. Whatever is above its bound gets more rounds, up to a limit, before that is believed. The figures to quote
are the medians beside it.

A bound stands between what was measured when it was last set and twice that. So a doubling is noticed, and a tenth is not: those
who look for tenths measure with `bench.core_touch` and `bench.contest`. Raise a bound only together with the reason for it.
"""

import gc
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import click
import msgspec

from bench.core_touch import through_touch
from bench.measuring.batch_path import records_of, through_encode, through_task, through_task_from_batches
from bench.measuring.ledger_path import counting
from bench.reporting.report import Table
from bench.workload.book import decoded, shipped_program
from bench.workload.touchpoints import made_up
from etapa.contracts.incoming.touchpoint_message import TouchpointMessage
from etapa.journey.engine.compiled import IS_COMPILED
from etapa.journey.units import DAY, HOUR, SECOND

TOUCHPOINTS = 10_000
CUSTOMERS = 500
START = 1_735_689_600 * SECOND
HISTORY = 180 * DAY
LEAST_ROUNDS = 8
MOST_ROUNDS = 24


BUSY_PATH = "batch path, a busy hour: decode, classify, encode"


class Part(NamedTuple):
    """Something whose CPU must stay within `bound` times the ceiling's, or of another part's. `spend` does it once and gives its CPU seconds."""

    name: str
    bound: float
    spend: Callable[[], float]
    share_of: str | None = None
    """The other part, which has this one in it."""


def parts() -> tuple[Callable[[], float], Sequence[Part]]:
    """The ceiling, and what is held against it."""
    sent = list(made_up(TOUCHPOINTS, CUSTOMERS, START, START + HISTORY))
    program, records, touchpoints = shipped_program(), records_of(sent), decoded(sent)
    sent_at_once = list(made_up(TOUCHPOINTS, CUSTOMERS, START, START + HOUR))
    busy = records_of(sent_at_once)
    decode = msgspec.json.Decoder(TouchpointMessage).decode
    return _timed(lambda: [decode(value) for _, value in sent]), (
        Part("decode, with all checks", 2.2, _timed(lambda: decoded(sent))),
        Part("touch: classify one touchpoint", 3.0, _timed(lambda: through_touch(program, touchpoints))),
        Part("encode, changes and states", 1.7, lambda: through_encode(program, touchpoints)),
        # By itself, since twice as much of it would hardly show in the batch path.
        Part("ledger, a busy hour: count touchpoints and changes", 0.07, counting(program, decoded(sent_at_once)), share_of=BUSY_PATH),
        Part(BUSY_PATH, 4.2, lambda: through_task(program, busy)),
        # That a worker begins with a broker's batches must cost next to nothing.
        Part("batch path, a busy hour, from a broker's batches", 4.4, lambda: through_task_from_batches(program, sent_at_once)),
        # Two touchpoints an hour over half a year: each writes several pages of the ledger, which a busy hour shares among thousands.
        Part("batch path, sparse history", 8.0, lambda: through_task(program, records)),
    )


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    def spend() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return spend


class GateRounds(NamedTuple):
    """CPU seconds, round by round."""

    ceiling: list[float]
    """Several times each round."""
    parts: Sequence[tuple[Part, list[float]]]

    def too_slow(self) -> list[Part]:
        """The parts that were above their bound in every round."""
        return [part for part, _ in self.parts if self.found(part, min) > part.bound]

    def found(self, part: Part, of_rounds: Callable[[Sequence[float]], float]) -> float:
        """How many times the ceiling's CPU a part took, or which share of another part's. `of_rounds`: chooses among the rounds of each."""
        spent = {each.name: taken for each, taken in self.parts}
        return of_rounds(spent[part.name]) / of_rounds(self.ceiling if part.share_of is None else spent[part.share_of])


def measure(ceiling: Callable[[], float], watched: Sequence[Part]) -> GateRounds:
    """What each round took, until everything is within its bound or has had its last chance."""
    rounds = GateRounds([], [(part, []) for part in watched])
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and not rounds.too_slow():
            break
        gc.collect()
        for part, spent in rounds.parts:
            # Between the parts: it is the shortest of all, and the one that a busy machine's caches tell on most.
            rounds.ceiling.append(ceiling())
            spent.append(part.spend())
    return rounds


@click.command()
def main() -> None:
    """Compare the core and the batch path with the plain decoding of the same records, by CPU."""
    if not IS_COMPILED:
        raise click.ClickException("the bounds are those of a compiled core, and this one is not: python hatch_build.py")
    ceiling, watched = parts()
    # What was made up is not the garbage collector's business.
    gc.freeze()
    rounds = measure(ceiling, watched)

    def each(seconds: float) -> str:
        return f"{seconds / TOUCHPOINTS * 1e6:.2f}"

    def shown(part: Part, ratio: float) -> str:
        return f"{ratio:.1f}" if part.share_of is None else f"{ratio:.1%}"

    rows = [["ceiling: decode, no checks", each(median(rounds.ceiling)), "1.0", "1.0", ""]]
    rows += [
        [
            part.name,
            each(median(spent)),
            *(shown(part, number) for number in (rounds.found(part, median), rounds.found(part, min), part.bound)),
        ]
        for part, spent in rounds.parts
    ]
    click.echo(Table(["", "CPU µs each", "× ceiling", "× ceiling, least", "allowed"], rows).as_text())
    click.echo(f"{TOUCHPOINTS:,} touchpoints, medians of {len(rounds.parts[0][1])} rounds; the least of each is what is judged")
    click.echo(f"the ledger: its share of the CPU of the {BUSY_PATH}")
    too_slow = rounds.too_slow()
    for part in too_slow:
        click.echo(f"too slow: {part.name}. Find out what got slower; how to is in docs/performance.md", err=True)
    sys.exit(bool(too_slow))


if __name__ == "__main__":
    main()
