"""What is remembered of two customers, as one customer's. Whose touchpoints came first at equal times is not known; the kept customer's count as earlier."""

from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.facts.instant import LONG_AGO
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.repeats import with_arrivals, without_arrivals
from etapa.journey.language.model import MOST_REMEMBERED_IDS


def unite_memories(program: Program, kept: Customer, moved: Customer) -> None:
    """Make `kept` remember what either does, as of the later of their clocks. `moved` must not be used any more.

    Both must be of the program's version. The stage, the next due time and what campaigns did stay those of `kept`.
    """
    for each in (kept, moved):
        if each.laid_out_for is not program:
            each.lay_out(program.keys, program)
    kept.clock = max(kept.clock, moved.clock)
    kept.first_at = min(kept.first_at, moved.first_at)
    for accumulator in program.every_accumulator:
        place = accumulator.place
        ours, theirs = kept.memory[place], moved.memory[place]
        if theirs is not None:
            kept.memory[place] = theirs if ours is None else accumulator.united(ours, theirs, kept.clock)
    _unite_ids(program, kept, moved)
    for name, entry in moved.traits.items():
        told_at = kept.trait_told_at(name)
        if told_at is None or entry[0] >= told_at:
            kept.tell(name, entry[0], entry[1])
    kept.persona_by = kept.settled = kept.entry = None
    kept.over_at = LONG_AGO
    # What one of them did not remember from the start, they do not both.
    began = dict(kept.began)
    for key, since in moved.began.items():
        if key not in began or since[1] > began[key][1]:
            began[key] = since
    kept.began = began


def _unite_ids(program: Program, kept: Customer, moved: Customer) -> None:
    if program.repeats is not None:
        latest: dict[bytes, int] = {}
        for digest, at in sorted([*with_arrivals(moved), *with_arrivals(kept)], key=_arrival_of):
            latest.pop(digest, None)
            latest[digest] = at
        kept.recent, kept.arrived = without_arrivals(list(latest.items())[-MOST_REMEMBERED_IDS:])
        return
    ours, theirs = _digests(kept.recent), _digests(moved.recent)
    # As nobody knows in which order both came, the latest of each are kept.
    newest: list[bytes] = []
    for place in range(1, max(len(ours), len(theirs)) + 1):
        newest += [each[-place] for each in (ours, theirs) if place <= len(each)]
    kept.recent = b"".join(reversed(list(dict.fromkeys(newest))[: program.recent_bytes // DIGEST_BYTES]))
    kept.arrived = b""


def _digests(recent: bytes) -> list[bytes]:
    return [recent[place : place + DIGEST_BYTES] for place in range(0, len(recent), DIGEST_BYTES)]


def _arrival_of(remembered: tuple[bytes, int]) -> int:
    return remembered[1]
