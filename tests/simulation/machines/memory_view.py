"""The `View` port in memory, with what can happen to Redis: lost writes after a failover, flushes, no memory left.

`MemoryRedis` is the server's side of one partition; `MemoryView` is what one process has of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha1
from random import Random
from typing import Any, TypeVar, cast

from redis.exceptions import NoScriptError

from etapa.contracts.stored.forwarding import NO_STAGE
from etapa.contracts.stored.ledger_page import LINKED_PREFIX
from etapa.contracts.stored.linked_ids import linked_field
from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.stream.protocol.due_timers import Due, DueTimers
from etapa.stream.protocol.ports import NO_PAGES, ApplyOutcome, LoadedCustomers, Scanned, ViewError, ViewMark
from etapa.stream.protocol.records import Applied
from etapa.stream.redis.client import RedisClient, Script
from tests.simulation.machines.process import Process

T = TypeVar("T")
SNAPSHOTS = 12
_APPLY = Script("apply.lua")
_LOAD = Script("load.lua")
_LEDGER = Script("ledger.lua")
_LINKED = Script("linked.lua")
_Snapshot = tuple[ViewMark | None, dict[str, Applied], dict[bytes, bytes]]


class MemoryRedis:
    """One partition of the view. `chained` off makes it accept any apply, whatever came before."""

    def __init__(self, *, chained: bool = True) -> None:
        self.mark: ViewMark | None = None
        self.customers: dict[str, Applied] = {}
        self.ledger: dict[bytes, bytes] = {}
        """Pages, and people with several ids."""
        self.request: ReclassifyRequest | None = None
        self.progress: ReclassifyProgress | None = None
        self.out_of_memory = False
        self.scripts: set[str] = set()
        """Hashes of the scripts that it knows."""
        self.on_apply: Callable[[], None] | None = None
        self._chained = chained
        self._snapshots: list[_Snapshot] = [(None, {}, {})]

    def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True) -> LoadedCustomers:
        """States, due timers and the mark of one moment."""
        due: list[Due] = []
        if due_by is not None:
            due = sorted(
                (
                    Due(customer.customer_id, customer.due, customer.state if due_states else b"")
                    for customer in self.customers.values()
                    if customer.due is not None and customer.due <= due_by and customer.state is not None
                ),
                key=lambda each: (each.due, each.customer_id.encode()),
            )
        states = [self.customers[customer_id].state if customer_id in self.customers else None for customer_id in customer_ids]
        return LoadedCustomers(self.mark, states, DueTimers.of(due[:due_limit], have_states=due_states), more_due=len(due) > due_limit)

    def apply(
        self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None] = NO_PAGES
    ) -> ApplyOutcome:
        """One step of the chain."""
        shown = None if self.mark is None else self.mark.state_offset
        if shown == mark.state_offset:
            return "already"
        if shown != follows and self._chained:
            return "refused"
        if follows is None:
            # What a script removes needs no memory, and is not restored when the next command is refused.
            self.customers, self.ledger, self.mark = {}, {}, None
        if self.out_of_memory:
            raise ViewError("OOM command not allowed when used memory > 'maxmemory'")
        for customer in customers:
            if customer.state is None:
                self.customers.pop(customer.customer_id, None)
            else:
                self.customers[customer.customer_id] = self._shown(customer)
        for field, value in ledger.items():
            if value is None:
                self.ledger.pop(field, None)
            else:
                self.ledger[field] = value
        self.mark = mark
        self._snapshots = [*self._snapshots, (mark, dict(self.customers), dict(self.ledger))][-SNAPSHOTS:]
        if self.on_apply is not None:
            self.on_apply()
        return "applied"

    def _shown(self, customer: Applied) -> Applied:
        """What is shown of a customer afterwards: what is said not to have changed stays, whatever it is."""
        before = self.customers.get(customer.customer_id)
        stage, due = (None, None) if before is None else (before.stage, before.due)
        if customer.moved:
            stage = customer.stage
        if stage is None:
            raise AssertionError("a customer that is not there is said to have stayed in its stage")
        return Applied(customer.customer_id, stage, customer.due if customer.rescheduled else due, customer.state)

    def scan(self, cursor: int, count: int) -> Scanned:
        """A portion of the customers, in the order of their ids. As in Redis, whoever is there throughout is seen, whoever else comes or goes."""
        left = sorted(customer_id for customer_id in self.customers if _place_of(customer_id) >= cursor)
        portion = [(customer_id, self.customers[customer_id].state or b"") for customer_id in left[:count]]
        customers = sum(customer.stage != NO_STAGE for customer in self.customers.values())
        return Scanned(portion, _place_of(left[count]) if count < len(left) else None, customers)

    def note(self, progress: ReclassifyProgress) -> None:
        """How far a request has got."""
        self.progress = progress

    def pages(self) -> dict[bytes, bytes]:
        """The pages of the ledger."""
        return {name: page for name, page in self.ledger.items() if not name.startswith(LINKED_PREFIX)}

    def counts(self) -> dict[str, int]:
        """Customers by stage."""
        return dict(Counter(customer.stage for customer in self.customers.values()))

    def roll_back(self, random: Random) -> None:
        """A replica takes over that has not received the last writes."""
        self.mark, customers, ledger = random.choice(self._snapshots)
        self.customers, self.ledger = dict(customers), dict(ledger)
        self._snapshots = [(self.mark, customers, ledger)]
        self.scripts.clear()

    def flush(self) -> None:
        """Everything is gone."""
        self.mark, self.customers, self.ledger, self._snapshots = None, {}, {}, [(None, {}, {})]
        self.request = self.progress = None


class MemoryView:
    """A process's `View`."""

    def __init__(self, redis: MemoryRedis, process: Process) -> None:
        self._redis = redis
        self._process = process

    async def mark(self) -> ViewMark | None:
        return await self._process.call("mark", lambda: self._redis.mark, _no_answer)

    async def load(self, customer_ids: Sequence[str], due_by: int | None, due_limit: int, *, due_states: bool = True) -> LoadedCustomers:
        return await self._run(_LOAD, "load", lambda: self._redis.load(customer_ids, due_by, due_limit, due_states=due_states))

    async def counts(self) -> Mapping[str, int]:
        return await self._process.call("counts", self._redis.counts, _no_answer)

    async def ledger(self) -> tuple[ViewMark | None, Mapping[bytes, bytes]]:
        return await self._run(_LEDGER, "ledger", lambda: (self._redis.mark, self._redis.pages()))

    async def linked(self, kept: Sequence[str]) -> tuple[ViewMark | None, Sequence[bytes | None]]:
        return await self._run(_LINKED, "linked", lambda: (self._redis.mark, [self._redis.ledger.get(linked_field(one)) for one in kept]))

    async def apply(
        self, follows: int | None, mark: ViewMark, customers: Sequence[Applied], ledger: Mapping[bytes, bytes | None] = NO_PAGES
    ) -> ApplyOutcome:
        def apply() -> ApplyOutcome:
            self._process.events["out of memory at an apply"] += self._redis.out_of_memory
            outcome = self._redis.apply(follows, mark, customers, ledger)
            self._process.events[f"apply {outcome}"] += 1
            self._process.events["pages folded"] += outcome == "applied" and None in ledger.values()
            return outcome

        return await self._run(_APPLY, "apply", apply)

    async def scan(self, cursor: int, count: int) -> Scanned:
        return await self._process.call("scan", lambda: self._redis.scan(cursor, count), _no_answer)

    async def reclassification(self) -> tuple[ReclassifyRequest | None, ReclassifyProgress | None]:
        return await self._process.call("reclassification", lambda: (self._redis.request, self._redis.progress), _no_answer)

    async def note(self, progress: ReclassifyProgress) -> None:
        await self._process.call("note", lambda: self._redis.note(progress), _no_answer)

    async def _run(self, script: Script, call: str, effect: Callable[[], T]) -> T:
        client = _ScriptClient(self._redis, self._process, call, effect)
        return cast("T", await script.run(cast("RedisClient", client), [], []))


def _place_of(customer_id: str) -> int:
    """A number by which ids of up to 32 bytes have the same order."""
    return int.from_bytes(customer_id.encode().ljust(32, b"\0"))


class _ScriptClient:
    """What a script's caller needs of a Redis client: running it by its hash, or in full."""

    def __init__(self, redis: MemoryRedis, process: Process, call: str, effect: Callable[[], Any]) -> None:
        self._redis = redis
        self._process = process
        self._call = call
        self._effect = effect

    async def evalsha(self, digest: str, keys: int) -> Any:
        def run_known() -> Any:
            if digest not in self._redis.scripts:
                self._process.events["script not known"] += 1
                raise NoScriptError("NOSCRIPT No matching script. Please use EVAL.")
            return self._effect()

        return await self._process.call(self._call, run_known, _no_answer)

    async def eval(self, text: str, keys: int) -> Any:
        def run_in_full() -> Any:
            self._redis.scripts.add(sha1(text.encode(), usedforsecurity=False).hexdigest())
            return self._effect()

        return await self._process.call(self._call, run_in_full, _no_answer)


def _no_answer() -> Exception:
    return ViewError("no answer")
