"""Sends dead letters back to the topic that they came from: each once, whatever interrupts it.

One transaction holds some letters of one partition and, as offset and metadata of the group `{group}.redrive`, the note that
they were sent back. So an interrupted redrive can simply be run again. Two cannot run at a time: the producer's transactional
id fences the first one out. Records that are sent back are treated like any others there. They keep their ids, so a touchpoint
that was processed after all is dropped as a duplicate, and a trigger keeps its idempotency key.
"""

import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, Self

import msgspec

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.dead_letter import redriven_headers
from etapa.contracts.partitioner import partition_of
from etapa.errors import EtapaError
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.kafka.writing.noted_producer import NotedProducer, notes_of
from etapa.stream.protocol.ports import Fenced, LogError
from etapa.stream.protocol.records import Outgoing
from etapa.stream.upkeep.dead_letter_topics import DeadLetterTopic
from etapa.stream.upkeep.dead_letters import DeadLetters, Letter, Selection
from etapa.stream.upkeep.originals import Originals
from etapa.stream.upkeep.sent_back import SentBack, SentBackError, read_sent_back

MOST_LETTERS = 500
MOST_BYTES = 1024 * 1024
"""Limits of one transaction. While it is open, workers cannot read past it in the partitions that it writes to."""
TRANSACTION_SECONDS = 15.0

Fate = Literal["sent", "already", "attempts", "too_large", "gone"]
"""`sent`: it was sent back, or would be. `already`: that was done earlier. `attempts`: it was sent back too often. `too_large`: the topic
does not accept it. `gone`: it is cut, and the original is no longer in its topic."""


class RedriveError(EtapaError):
    """Letters could not be sent back. Letters already reported as sent are sent; the message says how to continue."""


class RedriveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How letters are sent back."""

    partitions: int
    """Of the topic to which they are sent back."""
    max_attempts: int = 3
    """A letter that was sent back this many times is skipped."""
    rekey: bool = False
    """Whether to replace a wrong key with the touchpoint's customer_id."""
    again: bool = False
    """Whether to send letters again that were already sent back."""
    decoder: Decoder = decoder_within(TouchpointLimits(max_bytes=2**31))
    """Finds the customer_id in a touchpoint of any size."""


class Redrive(msgspec.Struct, frozen=True):
    """The decision about one letter: its fate, where it goes, and with which key."""

    letter: Letter
    fate: Fate
    partition: int
    key: bytes | None
    previous: int | None = None
    """The offset of the previous letter of the same kind, if known."""

    @property
    def size(self) -> int:
        """About how many bytes it sends."""
        return len(self.key or b"") + len(self.letter.content.value or b"")


def decided(letter: Letter, sent_before: SentBack, options: RedriveOptions, previous: int | None = None) -> Redrive:
    """Decide about a letter, before sending it. Raises `RedriveError` when its partition no longer exists."""
    content = letter.content
    key = content.key
    if options.rekey and content.reason == "key_mismatch":
        customer_id = options.decoder.customer_of(content.value, content.headers)
        key = key if customer_id is None else customer_id.encode()
    partition = _partition_of(key, options.partitions)
    if partition is None:
        partition = content.partition
        if partition >= options.partitions:
            raise RedriveError(f"dead letter {letter.place} came from partition {partition} of {content.topic}, which no longer exists")
    fate: Fate = "sent"
    if not options.again and sent_before.holds(content.kind, letter.offset):
        fate = "already"
    elif letter.attempts >= options.max_attempts:
        fate = "attempts"
    return Redrive(letter, fate, partition, key, previous)


def _partition_of(key: bytes | None, count: int) -> int | None:
    """The partition of the customer with this key; none when no customer can have it."""
    try:
        return None if key is None else partition_of(key.decode(), count)
    except UnicodeDecodeError:
        return None


async def sent_before(cluster: Cluster, letters: DeadLetters) -> dict[int, SentBack]:
    """Which letters of each partition were sent back. Raises `LogError` or `RedriveError`."""
    topic = letters.topic
    notes = await notes_of(cluster, topic.redrive_group, topic.name, letters.ranges)
    memory = {}
    for partition, (first, _) in letters.ranges.items():
        try:
            memory[partition] = read_sent_back(notes.get(partition, ""), topic.reasons).without_before(first)
        except SentBackError as error:
            raise RedriveError(f"group {topic.redrive_group}: {error}") from None
    return memory


class Sender:
    """Sends letters back, with the note that they were sent; used with `async with`. Once it has started, no other sender can send."""

    def __init__(self, cluster: Cluster, topic: DeadLetterTopic) -> None:
        self._from = topic.name
        self._producer = NotedProducer(cluster, topic.redrive_group, topic.origin, TRANSACTION_SECONDS)

    async def __aenter__(self) -> Self:
        await self._producer.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.__aexit__()

    async def send(self, partition: int, redrives: Sequence[Redrive], note: SentBack) -> bool:
        """Send letters of one dead-letter partition back in one transaction. Returns false when one of them is too large.

        Raises `LogError` or `RedriveError`; after that it cannot be used any more.
        """
        records: dict[int, list[Outgoing]] = defaultdict(list)
        for one in redrives:
            headers = redriven_headers(one.letter.content, self._from, partition, one.letter.offset)
            records[one.partition].append(Outgoing(one.key, one.letter.content.value, headers))
        doing = f"sending {len(redrives)} dead letters back from {redrives[0].letter.place} on"
        try:
            return await self._producer.publish(records, (self._from, partition), redrives[-1].letter.offset + 1, note.text(), doing)
        except Fenced as error:
            raise RedriveError("another redrive of this group has begun, so this one ends; letters sent so far stay sent") from error
        except LogError as error:
            message = f"{error}; run it again: letters that were sent after all are known, and skipped"
            raise LogError(message) from error.__cause__


async def redrive_selected(
    letters: DeadLetters,
    selection: Selection,
    options: RedriveOptions,
    memory: Mapping[int, SentBack],
    originals: Originals,
    sender: Sender | None,
    limit: int | None = None,
) -> AsyncGenerator[Redrive, None]:
    """Send at most `limit` selected letters back (without `sender`, only decide), and yield each once it is done."""
    left = limit
    for partition in sorted(selection.partitions or letters.ranges):
        planned = _planned(letters.of(partition, selection.since), selection, options, memory[partition], originals)
        async with contextlib.aclosing(_sent(planned, partition, memory[partition], sender, left)) as done:
            async for one in done:
                if left is not None and one.fate == "sent":
                    left -= 1
                yield one
        if left == 0:
            return


async def redrive_single(
    letters: Sequence[Letter], options: RedriveOptions, memory: Mapping[int, SentBack], originals: Originals, sender: Sender | None
) -> AsyncGenerator[Redrive, None]:
    """Like `redrive_selected`, for letters picked one by one."""
    by_partition: dict[int, list[Letter]] = defaultdict(list)
    for letter in letters:
        by_partition[letter.partition].append(letter)

    async def planned(some: Sequence[Letter], before: SentBack) -> AsyncGenerator[Redrive, None]:
        for letter in some:
            yield await _decided_on_the_whole(letter, before, options, originals)

    for partition, some in sorted(by_partition.items()):
        async with contextlib.aclosing(_sent(planned(some, memory[partition]), partition, memory[partition], sender, None)) as done:
            async for one in done:
                yield one


async def _planned(
    letters: AsyncGenerator[Letter, None], selection: Selection, options: RedriveOptions, before: SentBack, originals: Originals
) -> AsyncGenerator[Redrive, None]:
    previous: dict[str, int] = {}
    async for letter in letters:
        kind = letter.content.kind
        if selection.takes(letter):
            yield await _decided_on_the_whole(letter, before, options, originals, previous.get(kind))
        previous[kind] = letter.offset


async def _decided_on_the_whole(
    letter: Letter, before: SentBack, options: RedriveOptions, originals: Originals, previous: int | None = None
) -> Redrive:
    """Decide about a letter or, if it is cut, about its original."""
    found = decided(letter, before, options, previous)
    if found.fate != "sent" or letter.content.cut is None:
        return found
    whole = await originals.whole(letter.content)
    if whole is None:
        return msgspec.structs.replace(found, fate="gone")
    return decided(msgspec.structs.replace(letter, content=whole), before, options, previous)


async def _sent(
    planned: AsyncGenerator[Redrive, None], partition: int, note: SentBack, sender: Sender | None, limit: int | None
) -> AsyncGenerator[Redrive, None]:
    """Carry out the plans for the letters of one partition, chunk by chunk, and yield them in order."""
    waiting: list[Redrive] = []
    count = size = 0
    async with contextlib.aclosing(planned):
        async for one in planned:
            if limit is not None and count == limit:
                break
            waiting.append(one)
            if one.fate == "sent":
                count += 1
                size += one.size
            if size >= MOST_BYTES or len(waiting) >= MOST_LETTERS:
                note, done = await _send(waiting, partition, note, sender)
                for each in done:
                    yield each
                waiting, size = [], 0
    _, done = await _send(waiting, partition, note, sender)
    for each in done:
        yield each


async def _send(waiting: Sequence[Redrive], partition: int, note: SentBack, sender: Sender | None) -> tuple[SentBack, Sequence[Redrive]]:
    chunk = [one for one in waiting if one.fate == "sent"]
    if sender is None or not chunk:
        return note, waiting
    with_chunk = _noted(note, chunk)
    if await sender.send(partition, chunk, with_chunk):
        return with_chunk, waiting
    # One of them is too large. Sent alone, each shows whether it is the one.
    refused = set()
    for one in chunk:
        with_one = _noted(note, [one])
        if await sender.send(partition, [one], with_one):
            note = with_one
        else:
            refused.add(one.letter.offset)
    return note, [msgspec.structs.replace(one, fate="too_large") if one.letter.offset in refused else one for one in waiting]


def _noted(note: SentBack, chunk: Sequence[Redrive]) -> SentBack:
    for one in chunk:
        note = note.plus(one.letter.content.kind, one.letter.offset, one.previous)
    return note.shortened()
