"""One partition of the view on Redis, as the partition task sees it (`ports.View`).

Every key of a partition has its number as hash tag, so that one script call reaches all of them, even on a Cluster. Every
call is one round trip within the configured time-out, and may safely be repeated.
"""

import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from etapa.contracts.stored.forwarding import NO_STAGE
from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.ledger_page import LINKED_PREFIX
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest, decode_progress, decode_request, encode_progress
from etapa.contracts.stored.transfer import TopicLayout
from etapa.journey.units import SECOND
from etapa.settings import Settings
from etapa.stream.protocol.due_timers import DueTimers
from etapa.stream.protocol.ports import NO_PAGES, ApplyOutcome, LoadedCustomers, Scanned, UnreadableMark, ViewError, ViewMark
from etapa.stream.protocol.records import Applied
from etapa.stream.redis.client import RedisClient, Script
from etapa.stream.redis.errors import view_errors
from etapa.stream.redis.packing import flattened, packed

_APPLY = Script("apply.lua")
_LOAD = Script("load.lua")
_LINKED = Script("linked.lua")
LEDGER = Script("ledger.lua")
_OUTCOMES: Mapping[bytes, ApplyOutcome] = {b"applied": "applied", b"already": "already", b"refused": "refused"}

_pack = msgspec.msgpack.Encoder().encode


class PartitionKeys:
    """The names of a partition's keys."""

    __slots__ = ("counts", "ledger", "linked", "mark", "reclassify", "stage", "state", "timers")

    def __init__(self, prefix: str, partition: int) -> None:
        tagged = f"{prefix}:{{{partition}}}:".encode()
        self.stage = tagged + b"stage"
        self.state = tagged + b"state"
        self.counts = tagged + b"counts"
        self.timers = tagged + b"timers"
        self.mark = tagged + b"mark"
        self.ledger = tagged + b"ledger"
        self.linked = tagged + b"linked"
        """A hash of people with several ids, by the one that is kept."""
        self.reclassify = tagged + b"reclassify"
        """Not part of the view: what `etapa reclassify` asks for, and how far it has got. A hash of `request` and `progress`."""


class RedisView:
    """`client` is shared by all partitions of the worker."""

    def __init__(self, settings: Settings, client: RedisClient, partition: int) -> None:
        self._client = client
        self._keys = PartitionKeys(settings.redis_prefix, partition)
        self._partition = partition
        self._seconds = settings.redis_timeout / SECOND

    async def mark(self) -> ViewMark | None:
        async with self._errors("reading the mark"):
            fields = await awaited(self._client.hgetall(cast("str", self._keys.mark)))
        return self._read_mark(fields)

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True) -> LoadedCustomers:
        keys = [self._keys.state, self._keys.timers, self._keys.mark]
        arguments = [b"" if due_by is None else b"%d" % due_by, b"%d" % due_limit, _pack(customer_ids), b"1" if due_states else b""]
        async with self._errors("loading states"):
            mark, states, due, stored, more = await _LOAD.run(self._client, keys, arguments)
        fields = fields_of(mark)
        if None in stored:
            message = f"partition {self._partition}: a timer of a customer without a state; {self._advice()}"
            raise ViewError(message)
        timers = DueTimers(list(map(bytes.decode, due[::2])), due[1::2], stored if due_states else None)
        return LoadedCustomers(self._read_mark(fields), states, timers, bool(more))

    async def counts(self) -> Mapping[str, int]:
        async with self._errors("reading the counts"):
            return read_counts(await awaited(self._client.hgetall(cast("str", self._keys.counts))))

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        async with self._errors("reading the ledger"):
            mark, pages = await LEDGER.run(self._client, [self._keys.mark, self._keys.ledger], [])
        return self._read_mark(fields_of(mark)), fields_of(pages)

    async def linked(self, kept: Sequence[str]) -> tuple[ViewMark | None, Sequence[bytes | None]]:
        async with self._errors("reading the ids of people"):
            mark, entries = await _LINKED.run(self._client, [self._keys.mark, self._keys.linked], [_pack(kept)])
        return self._read_mark(fields_of(mark)), entries

    def apply(
        self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None] = NO_PAGES
    ) -> Coroutine[Any, Any, ApplyOutcome]:
        return self._apply(apply_arguments(follows, mark, customers, ledger))

    async def _apply(self, arguments: list[bytes]) -> ApplyOutcome:
        of = self._keys
        keys = [of.stage, of.state, of.counts, of.timers, of.mark, of.ledger, of.linked]
        async with self._errors("applying a batch"):
            outcome = await _APPLY.run(self._client, keys, arguments)
        return _OUTCOMES[outcome]

    async def scan(self, cursor: int, count: int) -> Scanned:
        async with self._errors("looking through the states"):
            states = await awaited(self._client.hlen(cast("str", self._keys.state)))
            addresses = await awaited(self._client.hget(cast("str", self._keys.counts), NO_STAGE))
            answer: Any = await awaited(self._client.hscan(cast("str", self._keys.state), cursor, count=count))
        after, found = answer
        return Scanned(
            [(customer_id.decode(), state) for customer_id, state in found.items()], int(after) or None, states - int(addresses or 0)
        )

    async def reclassification(self) -> tuple[ReclassifyRequest | None, ReclassifyProgress | None]:
        async with self._errors("looking for a request to reclassify"):
            request, progress = await awaited(self._client.hmget(cast("str", self._keys.reclassify), ["request", "progress"]))
        return decode_request(request), decode_progress(progress)

    async def note(self, progress: ReclassifyProgress) -> None:
        async with self._errors("noting progress"):
            await awaited(self._client.hset(cast("str", self._keys.reclassify), "progress", cast("str", encode_progress(progress))))

    def _errors(self, doing: str) -> "contextlib.AbstractAsyncContextManager[None]":
        return view_errors(f"partition {self._partition}: {doing}", self._seconds)

    def _read_mark(self, fields: Mapping[bytes, bytes]) -> ViewMark | None:
        try:
            return read_mark(fields)
        except (KeyError, ValueError) as error:
            message = f"partition {self._partition}: the mark in {self._keys.mark.decode()} cannot be read ({error!r}); {self._advice()}"
            raise UnreadableMark(message) from None

    def _advice(self) -> str:
        return f"something else writes to these keys. Delete {self._keys.mark.decode()} and the view is rebuilt"


def apply_arguments(follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None]) -> list[bytes]:
    """The arguments of `apply.lua`."""
    people = {field.removeprefix(LINKED_PREFIX): value for field, value in ledger.items() if field.startswith(LINKED_PREFIX)}
    pages = {field: value for field, value in ledger.items() if not field.startswith(LINKED_PREFIX)} if people else ledger
    follows_offset = b"" if follows is None else b"%d" % follows
    return [
        follows_offset,
        b"%d" % mark.state_offset,
        _pack(_mark_fields(mark)),
        *flattened(customers),
        *_entries(pages),
        *_entries(people),
    ]


def _entries(entries: Mapping[bytes, bytes | None]) -> tuple[bytes, bytes]:
    """What is written, and what is removed."""
    written = packed([part for name, value in entries.items() if value is not None for part in (name, value)])
    return written, packed([name for name, value in entries.items() if value is None])


def _mark_fields(mark: ViewMark) -> list[str]:
    fields = {
        "state_offset": str(mark.state_offset),
        "through": str(mark.through),
        "stream_time": "" if mark.stream_time is None else str(mark.stream_time),
        "group": mark.group,
        "partitions": str(mark.partitions),
        "format": str(mark.format),
        "complete": "1" if mark.complete else "0",
        "memories": msgspec.json.encode(mark.memories).decode(),
        "names": msgspec.json.encode(mark.names).decode(),
    }
    if mark.layout is not None:
        fields["layout"] = msgspec.json.encode(mark.layout).decode()
    return [text for field in fields.items() for text in field]


def read_mark(fields: Mapping[bytes, bytes]) -> ViewMark | None:
    """The mark in the fields of its hash. Raises `KeyError` or `ValueError` when they make no sense."""
    if not fields:
        return None
    common = read_common([fields.get(name.encode()) for name in COMMON_FIELDS])
    return ViewMark(
        state_offset=int(fields[b"state_offset"]),
        through=int(fields[b"through"]),
        stream_time=int(fields[b"stream_time"]) if fields[b"stream_time"] else None,
        group=fields[b"group"].decode(),
        partitions=int(fields[b"partitions"]),
        format=int(fields[b"format"]),
        complete=fields[b"complete"] == b"1",
        memories=common.memories,
        names=common.names,
        layout=read_layout(fields.get(b"layout")),
    )


COMMON_FIELDS: Final = ["memories", "names"]
"""The fields of the mark for `read_common`."""


def read_common(fields: Sequence[bytes | None]) -> InCommon:
    """What the states leave out, by the values of `COMMON_FIELDS` in the mark; nothing where one is missing. Raises `ValueError`."""
    memories, names = fields
    return InCommon(
        {} if memories is None else msgspec.json.decode(memories, type=dict[int, bytes]),
        () if names is None else msgspec.json.decode(names, type=tuple[str, ...]),
    )


def read_layout(field: bytes | None) -> TopicLayout | None:
    """How customers are laid out over partitions; none where they never moved. Raises `ValueError`."""
    return None if field is None else msgspec.json.decode(field, type=TopicLayout)


def fields_of(answer: Sequence[bytes]) -> dict[bytes, bytes]:
    """A hash from a script's answer: fields and values in turn."""
    return dict(zip(answer[::2], answer[1::2], strict=True))


def read_counts(fields: Mapping[bytes, bytes]) -> dict[str, int]:
    """Without those who have left: their forwarding addresses stand in no stage."""
    return {stage.decode(): int(count) for stage, count in fields.items() if stage != NO_STAGE.encode()}


async def awaited(answer: Any) -> Any:
    # redis-py's types allow a result or an awaitable; with an asyncio client it is always the latter.
    return await answer
