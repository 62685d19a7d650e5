"""What a touchpoint leaves with a customer: its id, its traits, and what the accumulators take from it."""

from etapa.journey.engine.accumulators.kept_value import keep, keepsake
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.repeats import add_digest
from etapa.journey.engine.judging.touchpoint_kind import TouchpointKind
from etapa.journey.localtime.zones import UTC


def remember_id(program: Program, customer: Customer, digest: bytes, now: int) -> None:
    if program.repeats is not None:
        program.repeats.remember(customer, digest, now)
        return
    add_digest(customer, digest, program.recent_bytes)


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
    found, kept = touchpoint.traits, customer.traits
    for trait in program.traits_kept:
        name = trait.name
        if name in found:
            value = found[name]
            for watch in trait.watches:
                watch.look(value)
            entry = kept.get(name)
            if entry is not None:
                since: int = entry[0]
                if touchpoint.at < since:
                    continue
                if _is_the_same(value, entry[1]):
                    kept[name] = [touchpoint.when, value]
                    continue
            customer.persona_by = customer.settled = None
            zone = UTC if program.whereabouts is None else program.whereabouts.of(customer)
            kept[name] = [touchpoint.when, keep(value, trait.asks, zone) if trait.asks else keepsake(value)]


def _is_the_same(value: object, kept: object) -> bool:
    """Whether a trait's value is certainly what is kept already, as a whole."""
    return isinstance(value, (str, int, float)) and type(value) is type(kept) and value == kept
