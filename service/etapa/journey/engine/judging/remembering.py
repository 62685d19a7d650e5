"""What a touchpoint leaves with a customer: its id, its traits, and what the accumulators take from it."""

from typing import Final

from etapa.journey.engine.accumulators.kept_value import Ask, keep, keepsake
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.touchpoint_kind import TouchpointKind
from etapa.journey.localtime.zones import UTC

_NO_ASKS: Final[list[Ask]] = []
_NO_WATCHES: Final[list[Watch]] = []


def remember_id(program: Program, customer: Customer, digest: bytes, now: int) -> None:
    if program.repeats is not None:
        program.repeats.remember(customer, digest, now)
        return
    recent = customer.recent + digest
    customer.recent = recent if len(recent) <= program.recent_bytes else recent[len(recent) - program.recent_bytes :]


def remember(program: Program, customer: Customer, touchpoint: Touchpoint, kind: TouchpointKind, now: int) -> Touchpoint:
    """Remember what the program needs of a touchpoint of that kind. Returns the touchpoint in the customer's zone."""
    try:
        if touchpoint.traits:
            _remember_traits(program, customer, touchpoint)
        there = touchpoint if program.whereabouts is None else touchpoint.arriving_in(program.whereabouts.of(customer))
        memory = customer.memory
        for accumulator in kind.accumulators:
            accumulator.record(memory, there, now)
    except Exception as error:
        raise EvaluationFailed(customer.id, "remembering the touchpoint", error) from error
    return there


def _remember_traits(program: Program, customer: Customer, touchpoint: Touchpoint) -> None:
    """Each trait keeps the value with the latest time; at equal times the later arrival wins."""
    for name in program.traits:
        if name in touchpoint.traits:
            entry = customer.traits.get(name)
            value = touchpoint.traits[name]
            for watch in program.watches_of_traits.get(name, _NO_WATCHES):
                watch.look(value)
            if entry is None or touchpoint.at >= entry[0]:
                if entry is None or not _is_the_same(value, entry[1]):
                    customer.persona_by = customer.settled = None
                asks = program.asks_of_traits.get(name, _NO_ASKS)
                zone = UTC if program.whereabouts is None else program.whereabouts.of(customer)
                customer.traits[name] = [touchpoint.at, keep(value, asks, zone) if asks else keepsake(value)]


def _is_the_same(value: object, kept: object) -> bool:
    """Whether a trait's value is certainly what is kept already."""
    return isinstance(value, (str, int, float)) and type(value) is type(kept) and value == kept
