"""What `customer-state` says about every customer up to an offset, as fingerprints: a few dozen bytes each, however large the states."""

from collections import Counter
from collections.abc import Collection, Mapping

from etapa.contracts.stored.forwarding import standing_of
from etapa.contracts.stored.ledger_page import LEDGER_PREFIX, LINKED_PREFIX, is_page_key
from etapa.contracts.stored.mark import MARK_KEY, Mark, decode_mark
from etapa.stream.protocol.ports import States
from etapa.stream.protocol.records import StateRecord
from etapa.stream.upkeep.digests import DIGEST_BYTES, digest_of
from etapa.stream.upkeep.linked_part import MOST_AT_ONCE, LinkedPart

_LINKED_KEYS = LEDGER_PREFIX + LINKED_PREFIX
_STAGE_BYTES = 2
_LOOKS_AHEAD = 4
"""Each pass reads what was written during the previous one, which is soon less than the newest segment, which is never compacted."""


async def was_processed(states: States) -> bool:
    """Whether the partition holds anything: even a batch without a customer leaves a mark."""
    async for records in states.states(*await states.state_range()):
        if records:
            return True
    return False


class StateFold:
    """Reads forward only. Methods raise `LogError`, and `StateError` or `MarkError` when a record cannot be read."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._stage_numbers: dict[str, int] = {}
        self._stages: list[str] = []
        self._fingerprints: dict[bytes, bytes] = {}
        self._pages: dict[bytes, bytes] = {}
        self.linked = LinkedPart(most=MOST_AT_ONCE)
        """People with several ids, or as many of them as fit; the others are in the other parts."""
        self.through = -1
        """The offset up to which everything was read; -1 before the first."""
        self.mark: Mark | None = None
        """The last mark that was read; `mark_offset` is its offset."""
        self.mark_offset = -1
        self.newcomers: list[bytes] = []
        """Customers in order of appearance, possibly with repeats."""

    @property
    def customers(self) -> Mapping[bytes, bytes]:
        """The fingerprint of every customer's state."""
        return self._fingerprints

    @property
    def ledger(self) -> Mapping[bytes, bytes]:
        """The digest of every page of the ledger, by the page's name."""
        return self._pages

    async def read_through(self, offset: int) -> None:
        """Read up to and including `offset`, which must be committed."""
        if self.through < 0:
            self.through = (await self._states.state_range())[0] - 1
        async for records in self._states.states(self.through + 1, offset + 1):
            for record in records:
                self._take(record)
        self.through = max(self.through, offset)

    def _take(self, record: StateRecord) -> None:
        key, value = record.key, record.value
        if key == MARK_KEY:
            self.mark, self.mark_offset = decode_mark(value), record.offset
        elif key.startswith(_LINKED_KEYS):
            self.linked.take(key[len(LEDGER_PREFIX) :], value)
        elif is_page_key(key):
            if value is None:
                self._pages.pop(key[len(LEDGER_PREFIX) :], None)
            else:
                self._pages[key[len(LEDGER_PREFIX) :]] = digest_of(value)
        elif value is None:
            self._fingerprints.pop(key, None)
        else:
            if key not in self._fingerprints:
                self.newcomers.append(key)
            stage = standing_of(value).stage
            number = self._stage_numbers.setdefault(stage, len(self._stages))
            if number == len(self._stages):
                self._stages.append(stage)
            self._fingerprints[key] = digest_of(value) + number.to_bytes(_STAGE_BYTES, "big")

    async def linked_part(self, number: int) -> LinkedPart:
        """Another part of the people with several ids, up to the offset that has been read: reads all of it again."""
        part = LinkedPart(number, self.linked.parts)
        async for records in self._states.states((await self._states.state_range())[0], self.through + 1):
            for record in records:
                if record.key.startswith(_LINKED_KEYS):
                    part.take(record.key[len(LEDGER_PREFIX) :], record.value)
        return part

    async def changed_after(self, offset: int, customer_ids: Collection[bytes]) -> set[bytes]:
        """Which of these have a record after `offset`, up to the current end of the topic."""
        wanted = set(customer_ids)
        changed: set[bytes] = set()
        for _ in range(_LOOKS_AHEAD):
            end = (await self._states.state_range())[1]
            if end <= offset + 1:
                break
            # During this read, compaction may remove records ahead of us, but only because of a record beyond this end.
            async for records in self._states.states(offset + 1, end):
                changed.update(record.key for record in records if record.key in wanted)
            offset = end - 1
        return changed

    async def count_after(self, offset: int) -> int:
        """How many records there are after `offset`, up to the current end of the topic."""
        end = (await self._states.state_range())[1]
        return sum([len(records) async for records in self._states.states(offset + 1, end)])

    def digest(self, customer_id: bytes) -> bytes | None:
        """The digest of a customer's state, as from `digest_of`; none when there is no such customer."""
        found = self._fingerprints.get(customer_id)
        return None if found is None else found[:DIGEST_BYTES]

    def stage(self, customer_id: bytes) -> str | None:
        """The stage that a customer is in."""
        found = self._fingerprints.get(customer_id)
        return None if found is None else self._stages[int.from_bytes(found[DIGEST_BYTES:], "big")]

    def counts(self) -> dict[str, int]:
        """How many customers are in each stage; stages without customers are left out. Forwarding addresses are in no stage."""
        numbers = Counter(found[DIGEST_BYTES:] for found in self._fingerprints.values())
        return {self._stages[int.from_bytes(number, "big")]: count for number, count in numbers.items()}
