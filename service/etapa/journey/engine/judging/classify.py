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
- Timers that set the next one again and again over a long time strike a portion at a time, so that whoever waits gets a turn and
  what came of it can be put away. A touchpoint whose timers are not through yet has not been looked at: it is given again.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, final

from etapa.errors import EtapaError
from etapa.journey.engine.accumulators.accumulator import forget_what_is_over
from etapa.journey.engine.accumulators.ever import keepsake
from etapa.journey.engine.conditions.beginnings import beginnings
from etapa.journey.engine.facts.changes import Cause, Clause, Offer
from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.facts.instant import NEVER
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.program import CompiledRule, Program, StageRules, due_after, in_time

_NO_CLAUSES: Final[Sequence[Clause]] = ()
_NO_OFFERS: Final[Sequence[Offer]] = ()
_empty_digest: Final = blake2b(digest_size=DIGEST_BYTES)


class EvaluationFailed(EtapaError):
    """Judging a customer raised: a bug, or a value that no arithmetic holds. The cause is what was raised.

    The text goes into logs and dead letters, so it holds nothing of the customer: neither the id, nor the words of the
    cause, which may quote values.
    """

    def __init__(self, customer_id: str, doing: str, error: Exception) -> None:
        super().__init__(f"{doing}: {type(error).__name__}")
        self.customer_id = customer_id
        self.doing = doing
        """Such as `rule 'loyal-by-frequency'`."""


ALL_AT_ONCE: Final = 2**60
"""Timers that strike before others get a turn: no bound."""


class Happened:
    """What has happened to customers, in order. Grows with every touchpoint and timer."""

    __slots__ = ("at_once", "changes", "cut", "failures", "struck", "timers")

    def __init__(self, at_once: int = ALL_AT_ONCE) -> None:
        self.at_once: Final = at_once
        """After so much has come of timers, whoever lets them strike is to come again for the rest."""
        self.struck = 0
        """What came of timers so far: the stage changes that they made, and those that made none."""
        self.cut = False
        """Whether a touchpoint was not looked at yet, because a portion of the timers before it was enough."""
        self.changes: list[StageChange] = []
        self.failures: list[EvaluationFailed] = []
        """Timers that were dropped because judging them raised."""
        self.timers = 0
        """How many timers struck because a touchpoint, or a request to reclassify, passed them."""


@final
class Touched:
    """What a touchpoint did, or a request to reclassify."""

    __slots__ = ("changes", "customer", "cut", "duplicate", "failures", "timers")

    def __init__(self, customer: Customer, happened: Happened, *, duplicate: bool = False) -> None:
        self.customer: Final = customer
        self.changes: Final = happened.changes
        """In order: those of the timers that struck before the touchpoint, then its own."""
        self.cut: Final = happened.cut
        """Only a portion of the timers has struck; the rest, and the touchpoint itself, is still to come."""
        self.duplicate: Final = duplicate
        self.timers: Final = happened.timers
        """How many timers struck before the touchpoint."""
        self.failures: Final = happened.failures
        """Timers that were dropped because judging them raised."""


def touch(program: Program, customer: Customer | None, touchpoint: Touchpoint) -> Touched:
    """Process a touchpoint of `customer` (none: a new one), after the customer's timers up to it. Changes the customer in place.

    Raises `EvaluationFailed`; the customer is half changed then, and must not be used.
    """
    return touch_some(program, customer, touchpoint, ALL_AT_ONCE)


def touch_some(program: Program, customer: Customer | None, touchpoint: Touchpoint, at_once: int) -> Touched:
    """As `touch`, but that the timers strike a portion at a time: while the answer says that it is `cut`, ask again."""
    happened = Happened(at_once)
    touched = touch_and_note(program, customer, touchpoint, happened)
    if touched is not None:
        return Touched(touched, happened)
    if customer is None:
        raise AssertionError("a first touchpoint repeats nothing")
    return Touched(customer, happened, duplicate=True)


def touch_and_note(program: Program, customer: Customer | None, touchpoint: Touchpoint, happened: Happened) -> Customer | None:
    """As `touch`, for many touchpoints: what happens is added to `happened`. Gives the customer, or none when it is a duplicate.

    When `happened.cut` is true then, the touchpoint was not looked at: it is to be given again, which goes on from there.
    """
    at = touchpoint.at
    digest = _digest_of(touchpoint.id) if program.recent_bytes else b""
    if customer is None:
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
        now = at
    else:
        if digest and _is_among(customer.recent, digest):
            return None
        if customer.laid_out_for is not program and _is_of_another_version(program, customer):
            _carry_over(program, customer, happened.changes)
        if customer.due is not None and customer.due <= at and not _strike_until(program, customer, at, happened):
            return customer
        now = customer.clock
        if at > now:
            customer.clock = now = at
        elif at < customer.first_at:
            customer.first_at = at

    _remember_id(program, customer, digest)
    try:
        if touchpoint.traits:
            _remember_traits(program, customer, touchpoint)
        if program.whereabouts is not None:
            # What it says of local time is taken where the customer is now, its own traits included, and not again.
            touchpoint = touchpoint.arriving_in(program.whereabouts.of(customer))
        memory = customer.memory
        for accumulator in program.accumulators_for(touchpoint.type):
            accumulator.record(memory, touchpoint, now)
    except Exception as error:
        raise EvaluationFailed(customer.id, "remembering the touchpoint", error) from error
    if not customer.sequence:
        # Now that the touchpoint is remembered: campaigns ask for what it brought, such as consent.
        happened.changes.append(_move(program, customer, now, program.initial, None, "touchpoint", _NO_CLAUSES, touchpoint))
    _settle(program, customer, now, touchpoint, "touchpoint", happened.changes)
    return customer


def strike(program: Program, customer: Customer, at: int) -> list[StageChange]:
    """Let the customer's timer strike; `at` is its `due`. Gives the changes, and sets the next `due`.

    A customer of another journey version is carried over instead, which sets another `due` (perhaps earlier than now).
    Raises `EvaluationFailed`; the customer then is as it was, but without a timer.
    """
    changes: list[StageChange] = []
    strike_and_note(program, customer, at, changes)
    return changes


def strike_and_note(program: Program, customer: Customer, at: int, changes: list[StageChange]) -> None:
    """As `strike`, for many timers: the changes are added to `changes`, unless it raises."""
    before = customer.copied()
    count = len(changes)
    try:
        if customer.laid_out_for is not program and _is_of_another_version(program, customer):
            _carry_over(program, customer, changes)
        else:
            _settle(program, customer, at, None, "timer", changes)
    except EvaluationFailed:
        del changes[count:]
        customer.be_as(before)
        customer.due = None
        raise


def run_until(program: Program, customer: Customer, at: int) -> list[StageChange]:
    """Let all the customer's timers up to and including `at` strike, in order. Gives the changes.

    Raises `EvaluationFailed` for the first timer that could not be judged; it was dropped then, as `strike` says.
    """
    happened = Happened()
    _strike_until(program, customer, at, happened)
    if happened.failures:
        raise happened.failures[0]
    return happened.changes


def carry_over(program: Program, customer: Customer) -> list[StageChange]:
    """Make a state of another journey version one of this version. Gives the changes that this alone makes.

    Raises `EvaluationFailed`; the customer is half changed then.
    """
    changes: list[StageChange] = []
    _carry_over(program, customer, changes)
    return changes


def _is_of_another_version(program: Program, customer: Customer) -> bool:
    """Whether a customer is to be carried over. It is laid out for the program meanwhile."""
    customer.lay_out(program.keys, program)
    return customer.version != program.version or customer.stage not in program.stages


def _carry_over(program: Program, customer: Customer, changes: list[StageChange]) -> None:
    now = customer.clock
    is_newer = customer.version > program.version
    if customer.laid_out_for is not program:
        customer.lay_out(program.keys, program)
    if not is_newer:
        customer.memory, customer.keys = customer.memory[: len(program.keys)], program.keys
        customer.traits = {name: entry for name, entry in customer.traits.items() if name in program.traits}
    customer.began = beginnings(customer, program.memories, program.version)
    customer.version, customer.known = program.version, program.known
    if customer.stage not in program.stages:
        changes.append(_move(program, customer, now, program.initial, None, "journey", _NO_CLAUSES, None))
    elif is_newer:
        try:
            customer.due = due_after(program.stages[customer.stage], customer, now)
        except Exception as error:
            raise EvaluationFailed(customer.id, _words_for(None), error) from error
        return
    _settle(program, customer, now, None, "journey", changes)


def reclassify(program: Program, customer: Customer, until: int | None, at_once: int) -> Touched:
    """Carry a customer of another version over now, and let the timers up to `until` strike that it has by the new rules.

    A portion of them; `catch_up` goes on from there. Raises `EvaluationFailed`; the customer then is as it was.
    """
    before = customer.copied()
    happened = Happened(at_once)
    try:
        _carry_over(program, customer, happened.changes)
    except EvaluationFailed:
        customer.be_as(before)
        raise
    if until is not None:
        _strike_until(program, customer, until, happened)
    return Touched(customer, happened)


def catch_up(program: Program, customer: Customer, until: int, at_once: int) -> Touched:
    """Let a portion of the customer's timers up to `until` strike. What is `cut` goes on when it is asked for again."""
    happened = Happened(at_once)
    _strike_until(program, customer, until, happened)
    return Touched(customer, happened)


def _strike_until(program: Program, customer: Customer, at: int, happened: Happened) -> bool:
    """Let timers up to `at` strike, or a portion of them. Gives whether all of them have."""
    happened.cut = False
    enough = happened.struck + happened.at_once
    while customer.due is not None and customer.due <= at:
        if happened.struck >= enough:
            happened.cut = True
            return False
        happened.timers += 1
        made = len(happened.changes)
        try:
            strike_and_note(program, customer, customer.due, happened.changes)
        except EvaluationFailed as failure:
            happened.failures.append(failure)
        happened.struck += max(1, len(happened.changes) - made)
    return True


def _settle(
    program: Program, customer: Customer, now: int, touchpoint: Touchpoint | None, cause: Cause, changes: list[StageChange]
) -> None:
    """Judge the rules at `now` and move the customer as long as one holds. Adds the changes, and sets the next `due`."""
    stage = program.stages[customer.stage]
    doing = None
    due = NEVER
    try:
        for rule in stage.touchless if touchpoint is None else stage.for_type(touchpoint.type):
            doing = rule
            if rule.is_timed:
                rises = rule.condition.rises(customer, now)
                if rises <= now:
                    _follow(program, customer, now, touchpoint, cause, rule, changes)
                    return
                if rises < due:
                    due = rises
            elif rule.condition.holds(customer, now, touchpoint):
                _follow(program, customer, now, touchpoint, cause, rule, changes)
                return
        doing = None
        # The loop has met every rule that time alone makes true, but for those in which an `event` stands as well.
        customer.due = due_after(stage, customer, now) if stage.hideable else in_time(due)
    except EvaluationFailed:
        raise
    except Exception as error:
        raise EvaluationFailed(customer.id, _words_for(doing), error) from error


def _follow(
    program: Program,
    customer: Customer,
    now: int,
    touchpoint: Touchpoint | None,
    cause: Cause,
    rule: CompiledRule | None,
    changes: list[StageChange],
) -> None:
    """Make the move of `rule`, which holds, and the moves of those that hold after it with no touchpoint at hand."""
    visited = [customer.stage]
    stage = program.stages[customer.stage]
    at_hand = touchpoint
    try:
        while rule is not None:
            because = rule.condition.reasons(customer, now, at_hand, truth=True)
            changes.append(_move(program, customer, now, rule.to, rule, cause, because, touchpoint))
            visited.append(rule.to)
            at_hand = None
            stage = program.stages[rule.to]
            rule = _next_to_follow(stage, visited, customer, now)
        customer.due = due_after(stage, customer, now)
    except EvaluationFailed:
        raise
    except Exception as error:
        raise EvaluationFailed(customer.id, _words_for(rule), error) from error
    # Not before all went well: a timer that fails leaves the customer at its clock, which is before now. Not with every
    # touchpoint: most are not worth it, and a customer who stays away is moved by a timer sooner or later.
    forget_what_is_over(program.windows, customer.memory, now)


def _next_to_follow(stage: StageRules, visited: list[str], customer: Customer, now: int) -> CompiledRule | None:
    for rule in stage.touchless:
        if rule.to not in visited and rule.condition.holds(customer, now, None):
            return rule
    return None


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
    offers: Sequence[Offer] = _NO_OFFERS
    if program.campaigns is not None:
        try:
            offers = program.campaigns.offer(customer, source, now)
        except Exception as error:
            raise EvaluationFailed(customer.id, "its campaigns", error) from error
    return StageChange(
        customer_id=customer.id,
        sequence=customer.sequence,
        source=source,
        to=to,
        phase=program.stages[to].phase,
        at=now,
        cause=cause,
        rule=rule_id,
        because=because,
        touchpoint_id=None if touchpoint is None else touchpoint.id,
        channel=None if touchpoint is None else touchpoint.channel,
        dwell=dwell,
        offers=offers,
    )


def _remember_id(program: Program, customer: Customer, digest: bytes) -> None:
    recent = customer.recent + digest if digest else b""
    customer.recent = recent if len(recent) <= program.recent_bytes else recent[-program.recent_bytes :]


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
