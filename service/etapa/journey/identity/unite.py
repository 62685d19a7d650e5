"""One customer made of two."""

from collections.abc import Sequence
from typing import NamedTuple

from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.course import UNKNOWN, Course, Way
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch_and_note
from etapa.journey.engine.judging.compiled_rule import words_for
from etapa.journey.engine.judging.holds import with_waiting
from etapa.journey.engine.judging.ideal_way import been_in, departed, persona_of, returned_to
from etapa.journey.engine.judging.moves import announce, settle
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.stage_rules import due_after
from etapa.journey.engine.judging.visits import stages_in
from etapa.journey.identity.remembered import unite_memories
from etapa.journey.identity.united_outreach import united_outreach, waiting
from etapa.journey.language.model import LINK, UnitedStage


class Published(NamedTuple):
    """What was published last under an id: the stage, since when, and the number of the change."""

    stage: str
    entered_at: int
    sequence: int


class Meeting(NamedTuple):
    """Two customers who turn out to be one: `kept` under the id that is kept (none: never seen), `moved` under the other."""

    kept_id: str
    kept: Customer | None
    moved: Customer
    standing: Published | None
    """What was published last under the kept id; none if nothing was."""
    link_id: str
    """The id of the link's touchpoint."""
    touchpoints: Sequence[Touchpoint] | None
    """All touchpoints of both in the order in which they arrived, repeats included; none if some are no longer remembered."""


def standing_of(customer: Customer) -> Published | None:
    """What was published last of a customer under its own id."""
    return Published(customer.stage, customer.entered_at, customer.sequence) if customer.sequence else None


def is_known(program: Program, customer: Customer | None) -> bool:
    """Whether one of the traits that only known people have is there, and is neither null nor false nor empty."""
    identity = program.journey.identity
    if customer is None or identity is None:
        return False
    return any(customer.trait(name, None) not in (None, False, "") for name in identity.known)


def unite(program: Program, meeting: Meeting, happened: Happened) -> Customer:
    """The united customer. Adds what follows from the union to `happened`. Both customers must not be used any more.

    Both must be of the program's version. Raises `EvaluationFailed`; then neither is of use.
    """
    kept, moved, kept_id = meeting.kept, meeting.moved, meeting.kept_id
    moved_id = moved.id
    persona = persona_of(moved.way)
    way: Way = kept.way if kept is not None else UNKNOWN
    before = 0 if kept is None else kept.visited
    visited = before | moved.visited
    happened.add_departure(departed(moved.way, moved.stage, moved.clock, stages_in(moved.visited, program.stages)))
    if kept is None and meeting.standing is not None:
        # The id was given up once, with all that was counted of it but what it had published.
        way = UNKNOWN if persona is None else Course(UNKNOWN, persona)
        happened.add_departure(returned_to(persona, meeting.standing.stage, moved.clock))
    if visited != before and meeting.standing is not None:
        # Without anything published under the kept id, its first change counts them.
        happened.add_departure(been_in(stages_in(visited & ~before, program.stages), persona_of(way), moved.clock))
    caps = program.journey.caps
    outreach = united_outreach(
        program.campaigns,
        0 if caps is None else caps.maximum,
        kept_id,
        None if kept is None else kept.outreach,
        moved_id,
        moved.outreach,
    )
    by: UnitedStage = "keep" if program.journey.identity is None else program.journey.identity.stage
    latest = moved.clock if kept is None else max(kept.clock, moved.clock)
    replayed = None
    if kept is None:
        united = moved
    else:
        if by == "replay":
            replayed = None if meeting.touchpoints is None else _replayed(program, kept_id, meeting.touchpoints)
            by = "furthest" if replayed is None else by
        united = replayed or _by_memories(program, kept, moved, furthest=by == "furthest")
    had_waiting = bool(waiting(united.outreach))
    united.id, united.outreach = kept_id, outreach
    united.sequence = 0 if meeting.standing is None else meeting.standing.sequence
    # The way is that of what was published under the id that is kept.
    united.way, united.visited = way, visited
    now = max(united.clock, latest)
    _announce(program, united, meeting, moved_id, by, now, happened)
    if kept is not None and replayed is None:
        settle(program, united, now, None, "link", happened)
    elif had_waiting or waiting(united.outreach):
        _reschedule(program, united)
    return united


def _replayed(program: Program, customer_id: str, touchpoints: Sequence[Touchpoint]) -> Customer | None:
    """The customer who had made all these touchpoints; those that cannot be judged leave no trace. None: there were no others."""
    left_out: set[int] = set()
    while True:
        customer: Customer | None = None
        happened = Happened()
        for number, touchpoint in enumerate(touchpoints):
            if number in left_out:
                continue
            try:
                touched = touch_and_note(program, customer, touchpoint, happened)
            except EvaluationFailed:
                # It has left the customer half changed.
                left_out.add(number)
                break
            customer = touched or customer
        else:
            if customer is not None:
                customer.id = customer_id
            return customer


def _by_memories(program: Program, kept: Customer, moved: Customer, *, furthest: bool) -> Customer:
    order = list(program.stages)
    ours, theirs = order.index(kept.stage), order.index(moved.stage)
    takes_theirs = furthest and (theirs > ours or (theirs == ours and moved.entered_at < kept.entered_at))
    unite_memories(program, kept, moved)
    if takes_theirs:
        kept.stage, kept.entered_at, kept.rule = moved.stage, moved.entered_at, moved.rule
        kept.stage_before, kept.entered_at_before, kept.rule_before = moved.stage_before, moved.entered_at_before, moved.rule_before
    return kept


def _announce(program: Program, united: Customer, meeting: Meeting, moved_id: str, by: UnitedStage, now: int, happened: Happened) -> None:
    """Publish the stage if it is not the one that was last published under the kept id."""
    standing = meeting.standing
    if standing is not None and standing.stage == united.stage:
        return
    source, dwell = (None, None) if standing is None else (standing.stage, now - standing.entered_at)
    because = (Clause(f"same_as({moved_id}, {meeting.kept_id})", by),)
    at_hand = Touchpoint(meeting.link_id, meeting.kept_id, LINK, now)
    happened.changes.append(
        announce(
            program,
            united,
            now,
            to=program.stages[united.stage],
            source=source,
            dwell=dwell,
            rule=None,
            cause="link",
            because=because,
            touchpoint=at_hand,
            happened=happened,
        )
    )


def _reschedule(program: Program, customer: Customer) -> None:
    """Set the next due time anew, because something else waits for its time than did."""
    due = customer.due_at
    if customer.laid_out_for is not program:
        # Whoever was read and not judged since.
        customer.lay_out(program.keys, program)
    try:
        if due <= END_OF_TIME:
            # No rule's timer was due before it.
            due = due_after(program.stages[customer.stage], customer, due - 1)
        customer.due_at = with_waiting(program, customer, due, customer.clock)
    except Exception as error:
        raise EvaluationFailed(customer.id, words_for(None), error) from error
