"""What a touchpoint leaves with a customer: its id, its traits, and what the accumulators take from it."""

from etapa.journey.engine.accumulators.ever import record_latest
from etapa.journey.engine.accumulators.kept_value import keep, keepsake
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import LONG_AGO
from etapa.journey.engine.facts.told_traits import told_again
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
        for place in kind.latest_at:
            record_latest(memory, place, there, now)
        for accumulator in kind.others:
            accumulator.record(memory, there, now)
        if kind.shortest_window:
            _expect_the_end(customer, there.at, kind)
    except Exception as error:
        raise EvaluationFailed(customer.id, "remembering the touchpoint", error) from error
    return there


def _expect_the_end(customer: Customer, at: int, kind: TouchpointKind) -> None:
    """Keep in mind when the first window may be over that took in a touchpoint of the kind at `at`."""
    over = at + kind.shortest_window
    if over < customer.over_at:
        customer.over_at = over
    for place in kind.sampled_at:
        entry = customer.memory[place]
        if entry is not None and entry[0]:
            # A sample: what was latest in it may be there no more.
            customer.over_at = LONG_AGO


def _remember_traits(program: Program, customer: Customer, touchpoint: Touchpoint) -> None:
    """Each trait keeps the value with the latest time; at equal times the later arrival wins."""
    found = touchpoint.traits
    for trait in program.traits_kept:
        value = found.get(trait.name)
        if value is None and trait.name not in found:
            continue
        if not trait.suits_all(value):
            for watch in trait.watches:
                watch.look(value)
        told, place = customer.told, customer.trait_places.get(trait.name)
        if place is not None:
            since: int = told[place]
            if touchpoint.at < since:
                continue
            kept = told[place + 1]
            if _is_the_same(value, kept):
                customer.told = told_again(told, place, touchpoint.when, trait.shared(kept))
                continue
        customer.persona_by = customer.settled = None
        if trait.asks:
            value = keep(value, trait.asks, UTC if program.whereabouts is None else program.whereabouts.of(customer))
        else:
            value = keepsake(value)
        customer.tell(trait.name, touchpoint.when, trait.shared(value))


def _is_the_same(value: object, kept: object) -> bool:
    """Whether a trait's value is certainly what is kept already, as a whole."""
    return isinstance(value, (str, int, float)) and type(value) is type(kept) and value == kept
