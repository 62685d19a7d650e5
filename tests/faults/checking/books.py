"""The books: compare the topics with what the core makes of the same touchpoints, record by record as both appear.

Each customer's touchpoints go through the core as in `etapa simulate`. What the worker publishes may be ahead of that
(its timers follow the partition's time, not the customer's) or behind it, but never different.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence

from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.campaign_trigger import encode_campaign_trigger
from etapa.contracts.outgoing.dead_letter import DeadLetterError, decode_dead_letter
from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.partitioner import partition_of
from etapa.contracts.stored.in_common import NOTHING_IN_COMMON
from etapa.contracts.stored.mark import MARK_KEY, Mark, decode_mark, is_customer_key
from etapa.contracts.stored.state import StateError, decode_state, encode_state
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import triggers_of
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey
from etapa.rehearsal.replay import Replay
from tests.integration.outcome import Message, WholeView, message_of, view_of

Headers = Sequence[tuple[str, bytes]]
_MOST_VIOLATIONS = 20
_Letter = tuple[str, bytes | None, bytes | None]
"""Reason, key and value."""


class _Account:
    """What should be published for each customer, and what was, compared one by one as soon as both are known."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._expected: dict[bytes, deque[Message]] = defaultdict(deque)
        self._published: dict[bytes, deque[Message]] = defaultdict(deque)

    def expect(self, message: Message) -> str | None:
        """Returns what is wrong, if anything."""
        self._expected[message[0] or b""].append(message)
        return self._match(message[0] or b"")

    def publish(self, message: Message) -> str | None:
        """Returns what is wrong, if anything."""
        self._published[message[0] or b""].append(message)
        return self._match(message[0] or b"")

    def missing(self) -> list[str]:
        return [f"{key.decode()}: {len(messages)} {self._what}(s) are missing" for key, messages in self._expected.items() if messages]

    def too_many(self) -> list[str]:
        return [f"{key.decode()}: {len(messages)} {self._what}(s) too many" for key, messages in self._published.items() if messages]

    def _match(self, key: bytes) -> str | None:
        if not (self._expected[key] and self._published[key]):
            return None
        right, found = self._expected[key].popleft(), self._published[key].popleft()
        return None if right == found else f"{key.decode()}: published {found[1]!r}, the core says {right[1]!r}"


class Books:
    """Receives every committed record, in order by partition. `violations` lists what is wrong."""

    def __init__(self, journey: Journey, partitions: int, spoils: Callable[[Touchpoint], bool] = lambda touchpoint: False) -> None:
        """`spoils` says which touchpoints the workers cannot judge, where they have a planted defect."""
        self._spoils = spoils
        self._journey = journey
        self._partitions = partitions
        self._limits = TouchpointLimits()
        self._replay = Replay(compile_journey(journey))
        self._changes = _Account("stage change")
        self._triggers = _Account("campaign trigger")
        self._last: dict[bytes, tuple[int, str]] = {}
        self._letters_expected: dict[tuple[int, int], _Letter] = {}
        self._letters_published: dict[tuple[int, int], _Letter] = {}
        self._letters_seen: set[tuple[int, int]] = set()
        self.states: dict[bytes, bytes] = {}
        """The state of every customer in `customer-state`."""
        self.marks: dict[int, tuple[int, Mark]] = {}
        """The last mark of each partition, and its offset in `customer-state`."""
        self.touchpoints = 0
        self.changes = 0
        self.triggers = 0
        self.letters = 0
        self.causes: Counter[str] = Counter()
        self.violations: list[str] = []

    def touchpoint(self, partition: int, offset: int, key: bytes | None, value: bytes | None) -> None:
        self.touchpoints += 1
        touchpoint = decode_touchpoint(key, value, self._limits, int(time.time() * 1_000_000))
        if isinstance(touchpoint, Touchpoint) and self._spoils(touchpoint):
            touchpoint = rejected("evaluation_failed", "")
        for taken in (touchpoint,) if isinstance(touchpoint, Rejected) else self._replay.take(touchpoint):
            if isinstance(taken, Rejected):
                self._letters_expected[partition, offset] = taken.reason, key, value
                self._match_letter((partition, offset))
            else:
                self._expect(taken.changes)

    def stage_change(self, partition: int, key: bytes, value: bytes, headers: Headers) -> None:
        self.changes += 1
        change = decode_stage_change(value)
        self.causes[change.cause] += 1
        sequence, stage = self._last.get(key, (0, None))
        if change.sequence != sequence + 1:
            self._wrong(f"{key.decode()}: change {change.sequence} follows change {sequence}")
        if change.source != stage:
            self._wrong(f"{key.decode()}: change {change.sequence} leaves {change.source}, but the customer was in {stage}")
        if change.customer_id.encode() != key or partition_of(change.customer_id, self._partitions) != partition:
            self._wrong(f"{key.decode()}: change {change.sequence} is in partition {partition}, with the id {change.customer_id}")
        self._last[key] = change.sequence, change.to
        self._wrong(self._changes.publish((key, value, tuple(headers))))

    def campaign_trigger(self, partition: int, key: bytes, value: bytes, headers: Headers) -> None:
        self.triggers += 1
        if partition_of(key.decode(), self._partitions) != partition:
            self._wrong(f"{key.decode()}: a campaign trigger is in partition {partition}")
        self._wrong(self._triggers.publish((key, value, tuple(headers))))

    def dead_letter(self, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.letters += 1
        try:
            letter = decode_dead_letter(key, value, headers)
        except DeadLetterError as error:
            self._wrong(str(error))
            return
        place = letter.partition, letter.offset
        if place in self._letters_seen:
            self._wrong(f"the touchpoint at {place[0]}/{place[1]} became a dead letter twice")
        self._letters_seen.add(place)
        self._letters_published[place] = letter.reason, letter.key, letter.value
        self._match_letter(place)

    def state(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        if key == MARK_KEY:
            mark = decode_mark(value)
            before = self.marks.get(partition)
            if before is not None and mark.through < before[1].through:
                self._wrong(f"partition {partition}: the mark went back from {before[1].through} to {mark.through}")
            self.marks[partition] = offset, mark
        elif value is None:
            self.states.pop(key, None)
        elif is_customer_key(key):
            self.states[key] = value

    def behind(self) -> list[str]:
        """What should have been published for the touchpoints so far but was not. Timers may be ahead."""
        found = self._changes.missing() + self._triggers.missing()
        return found + [f"the touchpoint at {place} became no dead letter" for place in self._letters_expected]

    def close(self, until: int) -> list[str]:
        """Everything that is wrong once the worker's time has reached `until` (plus the grace) and no later timer has fired."""
        dropped: list[str] = []
        for change in self._replay.run_timers(until, lambda failure: dropped.append(str(failure))):
            self._expect([change])
        found = [*self.violations, *dropped, *self.behind()]
        found += self._changes.too_many() + self._triggers.too_many()
        found += [f"the touchpoint at {place} became a dead letter without reason" for place in self._letters_published]
        # States leave out what the marks say.
        states = {one.id.encode(): encode_state(one) for one in self._replay.customers.values()}
        stored = {key: self._spelled_out(key, value) for key, value in self.states.items()}
        different = [key for key in states.keys() | stored.keys() if states.get(key) != stored.get(key)]
        return found + [f"{key.decode()}: the state in customer-state is not the core's" for key in different[:_MOST_VIOLATIONS]]

    def _spelled_out(self, key: bytes, state: bytes) -> bytes:
        """The state with what the mark says of it written into it; as it is if it cannot be read."""
        found = self.marks.get(partition_of(key.decode(), self._partitions))
        try:
            return encode_state(decode_state(state, key.decode(), NOTHING_IN_COMMON if found is None else found[1].in_common()))
        except StateError:
            return state

    def view(self) -> WholeView:
        """The view as rebuilt from `customer-state`."""
        return view_of(self.states)

    def _expect(self, changes: Sequence[StageChange]) -> None:
        for change in changes:
            self._wrong(self._changes.expect(message_of(change, self._journey)))
        for trigger in triggers_of(changes):
            key, value, headers = encode_campaign_trigger(trigger, self._journey.id, self._journey.version)
            self._wrong(self._triggers.expect((key, value, tuple(headers))))

    def _match_letter(self, place: tuple[int, int]) -> None:
        if place in self._letters_expected and place in self._letters_published:
            right, found = self._letters_expected.pop(place), self._letters_published.pop(place)
            if right[0] != found[0]:
                self._wrong(f"the touchpoint at {place[0]}/{place[1]} became a dead letter as {found[0]}, the core says {right[0]}")
            elif right != found:
                self._wrong(f"the dead letter of the touchpoint at {place[0]}/{place[1]} does not hold the bytes that were sent")

    def _wrong(self, message: str | None) -> None:
        # Later violations only follow from the first few.
        if message is not None and len(self.violations) < _MOST_VIOLATIONS:
            self.violations.append(message)
