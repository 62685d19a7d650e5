"""One step of classification: a touchpoint or a timer, and the stage changes that follow from it.

Decided here, where the journey file's page leaves it open:

- A duplicate is seen before anything else. It runs no timers, and does not count as having been seen again.
- A customer whose state is of an older journey version is carried over when next touched or struck: memories that both
  versions define are kept, new ones start empty, the rest is forgotten; a stage that is no more becomes the initial one;
  then the rules are judged once at the customer's clock, without a touchpoint. Changes that come of it have the cause
  `journey`. Absence, for a memory that starts empty, counts from the customer's clock: what was not watched was not absent.
- A customer whose state is of a newer version, as met while versions are rolled out or back, stays where it is: rules judge
  only what comes next, so that two versions never undo each other's moves. Memories of the newer version are left as they are.
- No timer strikes after the year 9999.
"""

from collections.abc import Sequence
from copy import copy
from hashlib import blake2b

import msgspec

from etapa.journey.engine.accumulator import forget_what_is_over
from etapa.journey.engine.beginnings import beginnings
from etapa.journey.engine.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.instant import NEVER
from etapa.journey.engine.memory import keepsake
from etapa.journey.engine.program import CompiledRule, Program, due_after, in_time
from etapa.journey.engine.touchpoint import Cause, Clause, Offer, StageChange, Touchpoint

_empty_digest = blake2b(digest_size=DIGEST_BYTES)


class EvaluationFailed(Exception):
    """Judging a customer raised: a bug, or a value that no arithmetic holds. The cause is what was raised.

    The text goes into logs and dead letters, so it holds nothing of the customer: neither the id, nor the words of the
    cause, which may quote values.
    """

    def __init__(self, customer_id: str, doing: str, error: Exception) -> None:
        super().__init__(f"{doing}: {type(error).__name__}")
        self.customer_id = customer_id
        self.doing = doing
        """Such as `rule 'loyal-by-frequency'`."""


class Touched(msgspec.Struct, frozen=True, gc=False):
    """What a touchpoint did, or a request to reclassify."""

    customer: Customer
    changes: Sequence[StageChange]
    """In order: those of the timers that struck before the touchpoint, then its own."""
    duplicate: bool = False
    timers: int = 0
    """How many timers struck before the touchpoint."""
    failures: Sequence[EvaluationFailed] = ()
    """Timers that were dropped because judging them raised."""


def touch(program: Program, customer: Customer | None, touchpoint: Touchpoint) -> Touched:
    """Process a touchpoint of `customer` (none: a new one), after the customer's timers up to it. Changes the customer in place.

    Raises `EvaluationFailed`; the customer is half changed then, and must not be used.
    """
    at = touchpoint.at
    changes: list[StageChange] = []
    timers = 0
    failures: Sequence[EvaluationFailed] = ()
    digest = _digest_of(touchpoint.id) if program.recent_bytes else b""
    if customer is None:
        customer = Customer(program.version, program.initial, None, at, at, at, 0, known=program.known, id=touchpoint.customer_id)
        now = at
    else:
        if digest and digest in customer.recent and _is_among(customer.recent, digest):
            return Touched(customer, changes, duplicate=True)
        if customer.version != program.version or customer.stage not in program.stages:
            changes += carry_over(program, customer)
        if customer.due is not None and customer.due <= at:
            failures = []
            timers = _strike_until(program, customer, at, changes, failures)
        now = customer.clock
        if at > now:
            customer.clock = now = at
        elif at < customer.first_at:
            customer.first_at = at

    customer.recent = (customer.recent + digest)[-program.recent_bytes :] if digest else b""
    try:
        if touchpoint.traits:
            _remember_traits(program, customer, touchpoint)
        memory = customer.memory
        for record in program.records_for(touchpoint.type):
            record(memory, touchpoint, now)
    except Exception as error:
        raise EvaluationFailed(customer.id, "remembering the touchpoint", error) from error
    if not customer.sequence:
        # Now that the touchpoint is remembered: campaigns ask for what it brought, such as consent.
        changes.append(_move(program, customer, now, program.initial, None, "touchpoint", (), touchpoint))
    changes += _settle(program, customer, now, touchpoint, "touchpoint")
    return Touched(customer, changes, False, timers, failures)


def strike(program: Program, customer: Customer, at: int) -> list[StageChange]:
    """Let the customer's timer strike; `at` is its `due`. Gives the changes, and sets the next `due`.

    A customer of another journey version is carried over instead, which sets another `due` (perhaps earlier than now).
    Raises `EvaluationFailed`; the customer then is as it was, but without a timer.
    """
    before = copy(customer)
    try:
        if customer.version != program.version or customer.stage not in program.stages:
            return carry_over(program, customer)
        return _settle(program, customer, at, None, "timer")
    except EvaluationFailed:
        _restore(customer, before)
        customer.due = None
        raise


def run_until(program: Program, customer: Customer, at: int) -> list[StageChange]:
    """Let all the customer's timers up to and including `at` strike, in order. Gives the changes.

    Raises `EvaluationFailed` for the first timer that could not be judged; it was dropped then, as `strike` says.
    """
    changes: list[StageChange] = []
    failures: list[EvaluationFailed] = []
    _strike_until(program, customer, at, changes, failures)
    if failures:
        raise failures[0]
    return changes


def carry_over(program: Program, customer: Customer) -> list[StageChange]:
    """Make a state of another journey version one of this version. Gives the changes that this alone makes.

    Raises `EvaluationFailed`; the customer is half changed then.
    """
    now = customer.clock
    is_newer = customer.version > program.version
    if not is_newer:
        customer.memory = {key: entry for key, entry in customer.memory.items() if key in program.accumulators}
        customer.traits = {name: entry for name, entry in customer.traits.items() if name in program.traits}
    customer.began = beginnings(customer, program.memories, program.version)
    customer.version, customer.known = program.version, program.known
    changes: list[StageChange] = []
    if customer.stage not in program.stages:
        changes.append(_move(program, customer, now, program.initial, None, "journey", (), None))
    elif is_newer:
        try:
            customer.due = due_after(program.stages[customer.stage], customer, now)
        except Exception as error:
            raise EvaluationFailed(customer.id, _words_for(None), error) from error
        return changes
    changes += _settle(program, customer, now, None, "journey")
    return changes


def reclassify(program: Program, customer: Customer, until: int | None) -> Touched:
    """Carry a customer of another version over now, and let the timers up to `until` strike that it has by the new rules.

    Raises `EvaluationFailed`; the customer then is as it was.
    """
    before = copy(customer)
    failures: list[EvaluationFailed] = []
    try:
        changes = carry_over(program, customer)
    except EvaluationFailed:
        _restore(customer, before)
        raise
    timers = 0 if until is None else _strike_until(program, customer, until, changes, failures)
    return Touched(customer, changes, timers=timers, failures=failures)


def _restore(customer: Customer, before: Customer) -> None:
    for field in customer.__struct_fields__:
        setattr(customer, field, getattr(before, field))


def _strike_until(program: Program, customer: Customer, at: int, changes: list[StageChange], failures: list[EvaluationFailed]) -> int:
    """Let timers up to `at` strike; gives how many did."""
    timers = 0
    while customer.due is not None and customer.due <= at:
        timers += 1
        try:
            changes += strike(program, customer, customer.due)
        except EvaluationFailed as failure:
            failures.append(failure)
    return timers


def _settle(program: Program, customer: Customer, now: int, touchpoint: Touchpoint | None, cause: Cause) -> list[StageChange]:
    """Judge the rules at `now` and move the customer as long as one holds. Gives the changes, and sets the next `due`."""
    stage = program.stages[customer.stage]
    doing = None
    due = NEVER
    try:
        for rule in stage.touchless if touchpoint is None else stage.for_type(touchpoint.type):
            doing = rule
            if rule.is_timed:
                rises = rule.rises(customer, now)
                if rises <= now:
                    return _follow(program, customer, now, touchpoint, cause, rule)
                if rises < due:
                    due = rises
            elif rule.holds(customer, now, touchpoint):
                return _follow(program, customer, now, touchpoint, cause, rule)
        doing = None
        # The loop has met every rule that time alone makes true, but for those in which an `event` stands as well.
        customer.due = due_after(stage, customer, now) if stage.hideable else in_time(due)
    except EvaluationFailed:
        raise
    except Exception as error:
        raise EvaluationFailed(customer.id, _words_for(doing), error) from error
    return []


def _follow(
    program: Program, customer: Customer, now: int, touchpoint: Touchpoint | None, cause: Cause, rule: CompiledRule | None
) -> list[StageChange]:
    """Make the move of `rule`, which holds, and the moves of those that hold after it with no touchpoint at hand."""
    changes: list[StageChange] = []
    visited = {customer.stage}
    stage = program.stages[customer.stage]
    at_hand = touchpoint
    try:
        while rule is not None:
            because = rule.condition.reasons(customer, now, at_hand, truth=True)
            changes.append(_move(program, customer, now, rule.to, rule, cause, because, touchpoint))
            visited.add(rule.to)
            at_hand = None
            stage = program.stages[rule.to]
            candidates = (each for each in stage.touchless if each.to not in visited)
            rule = next((each for each in candidates if each.holds(customer, now, None)), None)
        customer.due = due_after(stage, customer, now)
    except EvaluationFailed:
        raise
    except Exception as error:
        raise EvaluationFailed(customer.id, _words_for(rule), error) from error
    # Not before all went well: a timer that fails leaves the customer at its clock, which is before now. Not with every
    # touchpoint: most are not worth it, and a customer who stays away is moved by a timer sooner or later.
    forget_what_is_over(program.windows, customer.memory, now)
    return changes


def _move(
    program: Program,
    customer: Customer,
    now: int,
    to: str,
    rule: CompiledRule | None,
    cause: Cause,
    because: Sequence[Clause],
    touchpoint: Touchpoint | None,
) -> StageChange:
    """Move the customer; a customer without any change yet is new, and leaves no stage. Campaigns are offered the change."""
    is_new = customer.sequence == 0
    rule_id = None if rule is None else rule.id
    source = None if is_new else customer.stage
    dwell = None if is_new else now - customer.entered_at
    customer.before = None if is_new else (customer.stage, customer.entered_at, customer.rule)
    customer.sequence += 1
    customer.stage = to
    customer.entered_at = customer.clock = now
    customer.rule = rule_id
    offers: Sequence[Offer] = ()
    if program.campaigns is not None:
        try:
            offers = program.campaigns.offer(customer, source, now)
        except Exception as error:
            raise EvaluationFailed(customer.id, "its campaigns", error) from error
    return StageChange(
        customer.id,
        customer.sequence,
        source,
        to,
        program.stages[to].phase,
        now,
        cause,
        rule_id,
        because,
        None if touchpoint is None else touchpoint.id,
        None if touchpoint is None else touchpoint.channel,
        dwell,
        offers,
    )


def _remember_traits(program: Program, customer: Customer, touchpoint: Touchpoint) -> None:
    """Each trait keeps the value with the latest time; at the same time the later arrival wins."""
    for name in program.traits:
        if name in touchpoint.traits:
            entry = customer.traits.get(name)
            if entry is None or touchpoint.at >= entry[0]:
                customer.traits[name] = [touchpoint.at, keepsake(touchpoint.traits[name])]


def _digest_of(touchpoint_id: str) -> bytes:
    # A copy costs a third less than a new one.
    digest = _empty_digest.copy()
    digest.update(touchpoint_id.encode())
    return digest.digest()


def _is_among(digests: bytes, digest: bytes) -> bool:
    place = digests.find(digest)
    # What was found may lie across two digests.
    while place > 0 and place % DIGEST_BYTES:
        place = digests.find(digest, place + 1)
    return place >= 0


def _words_for(rule: CompiledRule | None) -> str:
    return "its next timer" if rule is None else f"rule {rule.id!r}"
