"""One step of classification: a touchpoint or a timer, and the stage changes that follow from it.

Details that the journey file's page leaves open:

- Duplicates are recognised first. A duplicate runs no timers, and does not count as a new sighting of its id.
- A state of an older journey version is carried over at the customer's next touchpoint or timer. Memories that both versions
  define are kept, new ones start empty, and the rest is forgotten. A stage that no longer exists becomes the initial stage.
  Then the rules are judged once at the customer's clock, without a touchpoint; changes that result have the cause `journey`.
  For a memory that starts empty, absence counts from the customer's clock: before that, nobody was watching.
- A state of a newer version, as found while versions are rolled out or back, keeps its stage. Rules judge only what comes
  next, so that two versions never undo each other's moves. Memories of the newer version are left untouched.
- No timer fires after the year 9999.
- A long series of timers, each of which sets the next, fires in portions, so that other work gets a turn and results can be
  stored in between. Until its timers have all fired, the touchpoint itself has not been processed: it must be given again.
"""

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import END_OF_TIME
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.compiled_rule import words_for
from etapa.journey.engine.judging.figures import count_touchpoint
from etapa.journey.engine.judging.holds import fire_waiting, held_after, judge_goals_again, see_goals, with_waiting
from etapa.journey.engine.judging.moves import NO_CLAUSES, is_due_by_rules, move, settle, settle_in
from etapa.journey.engine.judging.outcomes import ALL_AT_ONCE, EvaluationFailed, Happened, Touched
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.remembering import remember, remember_id
from etapa.journey.engine.judging.repeats import digest_of, is_repeat
from etapa.journey.engine.judging.stage_rules import due_after
from etapa.journey.engine.judging.visits import stages_visited, visited_by
from etapa.journey.engine.queries.beginnings import beginnings
from etapa.journey.ledger.tally import BatchTally


def touch(program: Program, customer: Customer | None, touchpoint: Touchpoint) -> Touched:
    """Fire the timers of `customer` (none: a new one) up to the touchpoint, then process it. Changes the customer in place.

    Raises `EvaluationFailed`; the customer is then half changed and must not be used.
    """
    return touch_some(program, customer, touchpoint, ALL_AT_ONCE)


def touch_some(
    program: Program, customer: Customer | None, touchpoint: Touchpoint, at_once: int, tally: BatchTally | None = None
) -> Touched:
    """Like `touch`, but timers fire in portions: call again as long as the result is `cut`.

    `tally`: where the touchpoint is counted if it is applied.
    """
    happened = Happened(at_once, tally)
    touched = touch_and_note(program, customer, touchpoint, happened)
    if touched is not None:
        return Touched(touched, happened)
    if customer is None:
        raise AssertionError("a first touchpoint repeats nothing")
    return Touched(customer, happened, duplicate=True)


def touch_and_note(program: Program, customer: Customer | None, touchpoint: Touchpoint, happened: Happened) -> Customer | None:
    """Like `touch`, for many touchpoints: adds what happens to `happened`. Returns the customer, or none for a duplicate.

    If `happened.cut` is true afterwards, the touchpoint was not processed: give it again to continue.
    """
    at = touchpoint.at
    repeats = program.repeats
    digest = digest_of(touchpoint.id) if program.recent_bytes or repeats is not None else b""
    if customer is None:
        customer = _newcomer(program, touchpoint)
        now = at
    else:
        if digest and (is_repeat(customer, digest) if repeats is None else repeats.knows(customer, digest, at)):
            return None
        if customer.laid_out_for is not program and _is_of_another_version(program, customer):
            _carry_over(program, customer, happened)
        if customer.due_at <= at and not _fire_until(program, customer, at, happened):
            return customer
        now = customer.clock
        if at > now:
            customer.clock = now = at
        elif at < customer.first_at:
            customer.first_at, customer.settled = at, None

    customer.entry = None
    remember_id(program, customer, digest, now)
    kind = program.kind_of(touchpoint.type)
    touchpoint = remember(program, customer, touchpoint, kind, now)
    if not customer.is_at_rest and program.goals.asks:
        see_goals(program, customer, touchpoint, now, happened)
    found_in, made = customer.stage, len(happened.changes)
    if not customer.sequence:
        made += 1
        # After the touchpoint is remembered, because campaigns need what it brought, such as consent.
        happened.changes.append(
            move(
                program,
                customer,
                now,
                to=program.stages[program.initial],
                rule=None,
                cause="touchpoint",
                because=NO_CLAUSES,
                touchpoint=touchpoint,
                happened=happened,
            )
        )
    stage = program.stages[customer.stage]
    settle_in(stage, stage.by_kind[kind.place], program, customer, now, touchpoint, "touchpoint", happened)
    tally = happened.tally
    if tally is not None:
        changes = happened.changes
        belongs_to = found_in if len(changes) == made else changes[made].to
        number = stage.number if belongs_to == stage.id else program.stages[belongs_to].number
        count_touchpoint(program, customer, touchpoint, kind, found_in, number, tally)
    return customer


def _newcomer(program: Program, touchpoint: Touchpoint) -> Customer:
    at = touchpoint.at
    customer = Customer(
        version=program.version,
        stage=program.initial,
        due=None,
        entered_at=at,
        clock=at,
        first_at=at,
        sequence=0,
        known=program.known,
        id=touchpoint.customer_id,
    )
    customer.lay_out(program.keys, program)
    return customer


def fire(program: Program, customer: Customer, at: int) -> list[StageChange]:
    """Fire the customer's timer; `at` is its `due`. Returns the changes and sets the next `due`.

    A customer of another journey version is carried over instead, which sets a new `due` (perhaps before `at`).
    Raises `EvaluationFailed`; the customer is then unchanged, but without a timer.
    """
    happened = Happened()
    fire_and_note(program, customer, at, happened)
    return happened.changes


def fire_and_note(program: Program, customer: Customer, at: int, happened: Happened) -> None:
    """Like `fire`, for many timers: adds what happens to `happened`, except the changes if it raises."""
    is_of_another_version = customer.laid_out_for is not program and _is_of_another_version(program, customer)
    judged = customer.clock
    if not is_of_another_version and at < judged:
        # What waited for one of two ids is overdue if the other's clock was later: times before the clock are not judged again.
        at = judged
    # Goals and held triggers come before the rules, and are not undone if the rules cannot be judged.
    waited = not is_of_another_version and fire_waiting(program, customer, at, happened)
    # A journey that carries a customer over may change all of it; rules only move it.
    before = customer.copied() if is_of_another_version else None
    count, closed = len(happened.changes), len(happened.outcomes)
    try:
        if is_of_another_version:
            _carry_over(program, customer, happened)
        elif not waited or is_due_by_rules(program, customer, judged, at):
            settle(program, customer, at, None, "timer", happened)
    except EvaluationFailed:
        del happened.changes[count:]
        happened.keep_outcomes(closed)
        if before is not None:
            customer.be_as(before)
        customer.due_at = held_after(customer, at)
        raise


def run_until(program: Program, customer: Customer, at: int) -> list[StageChange]:
    """Fire all the customer's timers up to and including `at`, in order. Returns the changes.

    Raises `EvaluationFailed` for the first timer that could not be judged, which is then dropped as in `fire`.
    """
    return run_and_note(program, customer, at).changes


def run_and_note(program: Program, customer: Customer, at: int) -> Happened:
    """Like `run_until`, but returns everything that happened."""
    happened = Happened()
    _fire_until(program, customer, at, happened)
    if happened.failures:
        raise happened.failures[0]
    return happened


def carry_over(program: Program, customer: Customer) -> list[StageChange]:
    """Convert a state of another journey version to this one. Returns the changes that this alone makes.

    Raises `EvaluationFailed`; the customer is then half changed.
    """
    happened = Happened()
    _carry_over(program, customer, happened)
    return happened.changes


def _is_of_another_version(program: Program, customer: Customer) -> bool:
    """Whether a customer must be carried over. Also lays it out for the program."""
    customer.lay_out(program.keys, program)
    stage = program.stages.get(customer.stage)
    if stage is None:
        return True
    customer.stage = stage.id
    return customer.version != program.version


def _carry_over(program: Program, customer: Customer, happened: Happened) -> None:
    now = customer.clock
    if program.repeats is None:
        # Other versions may remember ids for a time.
        customer.arrived = b""
    is_newer = customer.version > program.version
    if customer.laid_out_for is not program:
        customer.lay_out(program.keys, program)
    if not is_newer:
        customer.memory, customer.keys = customer.memory[: len(program.keys)], program.keys
        customer.traits = {name: entry for name, entry in customer.traits.items() if name in program.traits}
    customer.visited = visited_by(program.stages, stages_visited(customer, program.stages_by_digest))
    customer.began = beginnings(customer, program.memories, program.version)
    customer.version, customer.known = program.version, program.known
    customer.settled = customer.entry = None
    judge_goals_again(program, customer, now)
    if customer.stage not in program.stages:
        happened.changes.append(
            move(
                program,
                customer,
                now,
                to=program.stages[program.initial],
                rule=None,
                cause="journey",
                because=NO_CLAUSES,
                touchpoint=None,
                happened=happened,
            )
        )
    elif is_newer:
        try:
            customer.due_at = with_waiting(program, customer, due_after(program.stages[customer.stage], customer, now), now)
        except Exception as error:
            raise EvaluationFailed(customer.id, words_for(None), error) from error
        return
    settle(program, customer, now, None, "journey", happened)


def reclassify(program: Program, customer: Customer, until: int | None, at_once: int) -> Touched:
    """Carry a customer of another version over now, and fire the timers that it has under the new rules up to `until`.

    Fires one portion; `catch_up` continues. Raises `EvaluationFailed`; the customer is then unchanged.
    """
    before = customer.copied()
    happened = Happened(at_once)
    try:
        _carry_over(program, customer, happened)
    except EvaluationFailed:
        customer.be_as(before)
        raise
    if until is not None:
        _fire_until(program, customer, until, happened)
    return Touched(customer, happened)


def reschedule(program: Program, customer: Customer) -> None:
    """Reset the next due time, because it was set for triggers that are not held after all."""
    due = customer.due_at
    judge_goals_again(program, customer, customer.clock)
    if due <= END_OF_TIME:
        # No rule's timer was due before it.
        due = due_after(program.stages[customer.stage], customer, max(due - 1, customer.clock))
    customer.due_at = with_waiting(program, customer, due, customer.clock)


def catch_up(program: Program, customer: Customer, until: int, at_once: int) -> Touched:
    """Fire a portion of the customer's timers up to `until`. If the result is `cut`, call again for more."""
    happened = Happened(at_once)
    _fire_until(program, customer, until, happened)
    return Touched(customer, happened)


def _fire_until(program: Program, customer: Customer, at: int, happened: Happened) -> bool:
    """Fire timers up to `at`, or a portion of them. Returns whether all have fired."""
    happened.cut = False
    enough = happened.fired + happened.at_once
    while customer.due_at <= at:
        if happened.fired >= enough:
            happened.cut = True
            return False
        happened.timers += 1
        made = len(happened.changes)
        try:
            fire_and_note(program, customer, customer.due_at, happened)
        except EvaluationFailed as failure:
            happened.add_failure(failure)
        happened.fired += max(1, len(happened.changes) - made)
    return True
