"""Everything kept about one customer: compact, bounded, and laid out as it is stored (see `contracts.stored.state`).

Its bounds: `recent` holds `remember_ids` digests (1,024 if the journey gives a time), `traits` and `memory` hold only what the
journey names, their entries are bounded by their accumulators, and only the last two stage changes are kept.
"""

from copy import deepcopy
from typing import Any, Final, final

from mypy_extensions import i64, mypyc_attr

from etapa.journey.engine.facts.course import Way
from etapa.journey.engine.facts.instant import END_OF_TIME, LONG_AGO, NEVER
from etapa.journey.engine.facts.outreach import Outreach
from etapa.journey.engine.facts.told_traits import KnownByTraits

FORMAT: Final = 1
"""Raise this whenever the fields below, or what an accumulator keeps in `memory`, change in meaning or order."""

DIGEST_BYTES: Final = 6
"""Bytes kept of a touchpoint's id. Among 64 ids, a new one is mistaken for a repeat once in four trillion touchpoints."""

Memory = list[Any]
"""What accumulators keep, each at its own place: a time, a list, or none if the accumulator has seen nothing."""

Remembered = dict[str, Any]
"""The same by accumulator key, without those that have seen nothing. This is what is stored."""

_NOTHING_BEGAN: Final[dict[str, tuple[int, int]]] = {}
_NO_KEYS: Final[tuple[str, ...]] = ()

Change = tuple[str, int, str | None]
"""A stage change: the stage entered, the time, the rule."""


@final
@mypyc_attr(acyclic=True)
class Customer(KnownByTraits):
    """One customer's state. Mutable: the engine changes it in place. The order of the fields is the stored layout.

    Times are microseconds since 1970.
    """

    __slots__ = (
        *("_outreach", "arrived", "began", "clock", "due_at", "entered_at", "entered_at_before", "entry", "first_at", "id", "is_at_rest"),
        *("keys", "known", "laid_out_for", "memory", "moved", "over_at"),
        *("persona", "persona_by", "recent", "rescheduled", "rule", "rule_before", "sequence", "settled"),
        *("sieve_0", "sieve_1", "sieve_2", "sieve_3", "sifted", "sifted_since", "stage", "stage_before"),
        *("step", "version", "visited", "way"),
    )

    def __init__(
        self,
        *,
        version: int,
        stage: str,
        due: int | None,
        entered_at: int,
        clock: int,
        first_at: int,
        sequence: int,
        recent: bytes = b"",
        remembered: Remembered | None = None,
        rule: str | None = None,
        before: Change | None = None,
        way: Way = 0,
        visited: int = 0,
        traits: dict[str, list[Any]] | None = None,
        outreach: Outreach | None = None,
        began: dict[str, tuple[int, int]] | None = None,
        arrived: bytes = b"",
        known: bytes = b"",
        id: str = "",  # noqa: A002 - called so everywhere else
    ) -> None:
        super().__init__(traits)
        self.version = version
        """The journey version that last processed the customer. Another version carries the state over first."""
        self.stage = stage
        self.due_at = NEVER if due is None else due
        """`due`, or a time after the end of time: a whole number needs no object."""
        self.entered_at = entered_at
        self.clock = clock
        """The latest time processed: of a touchpoint, or of a timer that moved the customer. Never before `entered_at`."""
        self.first_at = first_at
        """The earliest touchpoint, by the time it occurred."""
        self.sequence = sequence
        """How many stage changes were published so far, which is the number of the last one."""
        self.recent = recent
        """Digests of the latest touchpoint ids, oldest first. One `bytes` object, because they are searched and stored together."""
        # A filter after B. H. Bloom (1970) with one bit for each last byte of a digest that is there. Not stored.
        self.sieve_0: i64 = 0
        self.sieve_1: i64 = 0
        self.sieve_2: i64 = 0
        self.sieve_3: i64 = 0
        self.sifted: bytes | None = None
        """The `recent` that the sieve is of; none if it must be made anew."""
        self.sifted_since: i64 = 0
        """How many digests were added since it was made."""
        self.memory: Memory = []
        """What accumulators keep. An older version leaves the entries of a newer one untouched."""
        self.keys = _NO_KEYS
        """The accumulator key of each entry in `memory`."""
        self.laid_out_for: object = None
        """The program that `memory` is laid out for; none before the first."""
        self.over_at = LONG_AGO
        """No window in `memory` is over before this time; `LONG_AGO` if it is not known. Not stored: it only saves looking at all of them."""
        self.rule = rule
        """The rule that led into the stage; none if the customer was new, or its stage no longer existed."""
        # The stage change before the last one, in fields of its own: a tuple and a time would be two objects more for each customer.
        self.stage_before: str | None = None if before is None else before[0]
        """The stage entered by the stage change before the last one; none if there was none."""
        self.entered_at_before = 0 if before is None else before[1]
        """When."""
        self.rule_before: str | None = None if before is None else before[2]
        """By which rule; none if by none."""
        self.way: Way = way
        """How the published changes so far keep to the journey's ideal way (see `judging.ideal_way`)."""
        self.step: object = None
        """The step that led to `way`, as `CompiledWay` knows it; none if it must look the way up. Not stored."""
        self.visited = visited
        """A bit for each stage that a published change entered, the first of `version` the lowest (see `judging.visits`)."""
        self._outreach = outreach
        self.is_at_rest = outreach is None
        """Whether `outreach` was found to hold no trigger and no goal. Not stored: it only saves looking again, which takes reading it."""
        self.began: dict[str, tuple[int, int]] = began or _NOTHING_BEGAN
        """(version, time) since which a memory is complete, for memories that an earlier version did not keep. Mostly empty."""
        self.arrived = arrived
        """The customer's clock when each of `recent` arrived, eight bytes each; empty unless the journey remembers ids for a time."""
        self.known = known
        """The stages of `version` and the memories that it keeps, a few bytes for each (see `beginnings`)."""
        self.id = id
        self.moved = True
        """Whether its stage is another than when it was last collected or admitted, as far as the partition knows. Not stored."""
        self.rescheduled = True
        """The same of `due`."""
        self.persona = 0
        """The number of the persona found by `persona_by`; 0 if none fits. Not stored, because it follows from the traits."""
        self.persona_by: object = None
        """The `Personas` that found it; none if the traits have changed since."""
        self.settled: object = None
        """What is known of the rules out of the stage (`Settled`, `Calm`); none if all must be judged. Not stored, because it follows from the rest."""
        self.entry: object = None
        """What a `RuleIndex` knows of how the customer last entered its stage; none since the last touchpoint. Not stored either."""
        if remembered is not None:
            self.remember(remembered)

    @property
    def outreach(self) -> Outreach | None:
        """None until a campaign is triggered."""
        return self._outreach

    @outreach.setter
    def outreach(self, outreach: Outreach | None) -> None:
        self._outreach, self.is_at_rest = outreach, outreach is None

    @property
    def due(self) -> int | None:
        """When the customer's timer next fires if nothing happens; none if time alone can change nothing."""
        return self.due_at if self.due_at <= END_OF_TIME else None

    @due.setter
    def due(self, at: int | None) -> None:
        self.due_at = NEVER if at is None else at

    @property
    def before(self) -> Change | None:
        """The stage change before the last one, if there was one."""
        stage = self.stage_before
        return None if stage is None else (stage, self.entered_at_before, self.rule_before)

    def sift_nothing(self) -> None:
        """Empty the sieve."""
        self.sieve_0 = self.sieve_1 = self.sieve_2 = self.sieve_3 = self.sifted_since = 0

    def sift(self, last: i64) -> None:
        """Let the sieve hold a digest with this last byte."""
        bit: i64 = 1
        bit <<= last & 63
        word = last >> 6
        if word == 0:
            self.sieve_0 |= bit
        elif word == 1:
            self.sieve_1 |= bit
        elif word == 2:
            self.sieve_2 |= bit
        else:
            self.sieve_3 |= bit

    def may_hold(self, last: i64) -> bool:
        """Whether the sieve holds a digest with this last byte."""
        word = last >> 6
        bits = self.sieve_0 if word == 0 else self.sieve_1 if word == 1 else self.sieve_2 if word == 2 else self.sieve_3
        return bits >> (last & 63) & 1 != 0

    @property
    def changes(self) -> list[Change]:
        """The latest stage changes, oldest first."""
        last = self.stage, self.entered_at, self.rule
        before = self.before
        return [last] if before is None else [before, last]

    def remembered(self) -> Remembered:
        """What accumulators keep, by key."""
        found: Remembered = {}
        for place, entry in enumerate(self.memory):
            if entry is not None:
                found[self.keys[place]] = entry
        return found

    def remember(self, remembered: Remembered) -> None:
        """Replace everything that accumulators keep."""
        self.memory, self.keys, self.laid_out_for = list(remembered.values()), tuple(remembered), None
        self.settled = self.entry = None
        self.over_at = LONG_AGO

    def lay_out(self, keys: tuple[str, ...], program: object) -> None:
        """Order `memory` by `keys`, the accumulator keys of `program`. Entries that belong to none of them go last."""
        if not self.keys:
            self.memory, self.keys = [None] * len(keys), keys
        else:
            others = self.remembered()
            memory = [others.pop(key, None) for key in keys]
            self.memory, self.keys = [*memory, *others.values()], (*keys, *others)
        self.laid_out_for = program
        self.settled = self.entry = None
        self.over_at = LONG_AGO

    def be_as(self, other: "Customer") -> None:
        """Take over all fields of `other`, sharing their values."""
        self.version, self.stage, self.due_at = other.version, other.stage, other.due_at
        self.entered_at, self.clock, self.first_at = other.entered_at, other.clock, other.first_at
        self.sequence, self.recent = other.sequence, other.recent
        self.memory, self.keys, self.laid_out_for = other.memory, other.keys, other.laid_out_for
        self.rule, self.persona_by = other.rule, None
        self.stage_before, self.entered_at_before, self.rule_before = other.stage_before, other.entered_at_before, other.rule_before
        self.told, self.trait_places = other.told, other.trait_places
        self.outreach, self.began, self.known, self.id = other.outreach, other.began, other.known, other.id
        self.arrived, self.way, self.visited = other.arrived, other.way, other.visited
        self.settled = self.entry = None
        self.over_at = LONG_AGO

    def copied(self) -> "Customer":
        """A shallow copy."""
        copied = Customer(
            version=self.version,
            stage=self.stage,
            due=self.due,
            entered_at=self.entered_at,
            clock=self.clock,
            first_at=self.first_at,
            sequence=self.sequence,
            recent=self.recent,
            rule=self.rule,
            before=self.before,
            way=self.way,
            visited=self.visited,
            outreach=self.outreach,
            began=self.began,
            arrived=self.arrived,
            known=self.known,
            id=self.id,
        )
        copied.memory, copied.keys, copied.laid_out_for = self.memory, self.keys, self.laid_out_for
        copied.told, copied.trait_places = self.told, self.trait_places
        return copied

    def __copy__(self) -> "Customer":
        return self.copied()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Customer":
        copied = self.copied()
        # Everything else in it is replaced, never changed.
        copied.memory = deepcopy(self.memory, memo)
        return copied

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Customer) and self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        return f"Customer{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return (
            *(self.version, self.stage, self.due, self.entered_at, self.clock, self.first_at, self.sequence, self.recent),
            *(self.remembered(), self.rule, self.before, self.way, self.visited, self.traits, self.outreach, self.began),
            *(self.arrived, self.known, self.id),
        )
