"""One run: a partition, its touchpoints, the workers that own it one after the other (or at once), and what goes wrong.

Everything follows from the seed. The run ends when nothing goes wrong any more and all has been processed; then the
checker looks at what is there.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random

import msgspec

from etapa.contracts.state import decode_state
from etapa.contracts.touchpoint import TouchpointLimits
from etapa.journey.engine.program import Program
from etapa.stream.takeover import PartitionRefused
from tests.simulation.checker import Expectations, mark_of, violations
from tests.simulation.loop import simulation_loop
from tests.simulation.memory_log import Committed, MemoryBroker
from tests.simulation.memory_view import MemoryRedis
from tests.simulation.network import SeededNetwork, Weather
from tests.simulation.process import Process
from tests.simulation.scenario import PROGRAM, Scenario, scenario_of
from tests.simulation.shop import SECOND, arrivals
from tests.simulation.worker import Safety, Surroundings, Worker

START = 1_795_000_000 * SECOND
"""The wall clock when a run begins."""
FAULTS = (
    *("kill", "second owner", "second owner", "roll back", "roll back", "flush"),
    *("lose mark", "compact", "out of memory", "move group offset", "clock jump", "lose markers"),
)
SETTLES_WITHIN = 120.0
"""Seconds after the last fault within which lag must be zero and every timer must have fired."""


class Result(msgspec.Struct, frozen=True):
    """How a run went."""

    seed: int
    violations: list[str]
    trace: str
    events: Mapping[str, int]
    """What happened how often: takeovers by reason, faults, batches."""

    @property
    def digest(self) -> str:
        """Equal for runs that were equal in every step."""
        return hashlib.sha256(self.trace.encode()).hexdigest()[:16]


class World:
    """A run under way. `off` names safeties that are switched off."""

    def __init__(
        self, seed: int, scenario: Scenario | None = None, network: SeededNetwork | None = None, off: frozenset[Safety] = frozenset()
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.scenario = scenario_of(self.random) if scenario is None else scenario
        self.network = network or SeededNetwork(Random(self.random.random()), self.scenario.weather)
        self.loop = simulation_loop(Random(self.random.random()))
        self.broker = MemoryBroker(fencing="kafka_fence" not in off, tells_hanging="settled" not in off, on_commit=self._note_commit)
        self.redis = MemoryRedis(chained="chain" not in off)
        self.redis.on_apply = self._check_view
        self.wrong: list[str] = []
        self.events: Counter[str] = Counter()
        self._trace: list[str] = []
        self._around = Surroundings(
            self.loop, self.broker, self.redis, self.scenario.options, self.now, self.note, self.wrong, self.events, off, self._step_in
        )
        self._workers: list[Worker] = []
        self._states: dict[str, bytes] = {}
        self._dues: dict[str, int | None] = {}
        self._states_at: dict[int, dict[str, bytes]] = {}
        """The whole state that the log has after each mark, by the mark's offset."""

    def run(self) -> Result:
        """The whole run."""
        self.loop.run_until_complete(self._main())
        self.wrong += self.loop.errors
        return Result(self.seed, self.wrong, "\n".join(self._trace), self.events)

    def now(self) -> int:
        """The wall clock."""
        return START + round(self.loop.time() * SECOND)

    def note(self, text: str) -> None:
        """Add to the trace."""
        self._trace.append(f"{self.loop.time():.6f} {text}")

    async def _main(self) -> None:
        self._spawn()
        feeding = asyncio.create_task(self._feed())
        faults = asyncio.create_task(self._go_wrong())
        await feeding
        await faults
        self.network.weather = Weather()
        self.redis.out_of_memory = False
        self.broker.loses_markers = False
        await self._drain()
        if not self._workers[-1].process.alive and not self.wrong:
            # It died while it was leaving; whatever it left behind is its successor's.
            await self._drain()
        if not self.wrong:
            self.wrong += violations(self.broker, self.redis, self.expectations())
        self._note_result()

    async def _drain(self) -> None:
        """Wait until everything is processed, restarting a worker that died, and let all workers leave."""
        deadline = self.loop.time() + SETTLES_WITHIN
        taken_over = False
        while not (taken_over and self._settled()) and self.loop.time() < deadline and not self.wrong:
            if not self._workers[-1].process.alive:
                self._spawn()
            await asyncio.sleep(0.5)
            taken_over = self._workers[-1].ready
        if not self.wrong and not self._settled():
            self.wrong.append(f"did not settle: {self._where()}")
        for worker in self._workers:
            worker.request_stop()
        await asyncio.gather(*(worker.ended for worker in self._workers))

    def expectations(self) -> Expectations:
        """What the checker needs to know."""
        return Expectations(
            PROGRAM,
            TouchpointLimits(),
            self.now(),
            on_time=self.scenario.shop.late <= PROGRAM.grace // 2 and self.scenario.skew == 0,
            poisonous=lambda touchpoint: touchpoint.type == "boom",
        )

    async def _feed(self) -> None:
        shop, random = self.scenario.shop, Random(self.random.random())
        together = 0
        for arrival in arrivals(random, shop, self._walls()):
            if arrival.gap:
                self.broker.leave_gap(arrival.gap)
            self.broker.append(arrival.key, arrival.value, arrival.headers, self.now())
            if together == 0:
                together = random.randrange(shop.burst)
                await asyncio.sleep(random.uniform(0, shop.pause))
            else:
                together -= 1
        if random.random() < 0.3:
            self.broker.leave_gap()

    def _walls(self) -> Iterator[int]:
        while True:
            yield self.now()

    async def _go_wrong(self) -> None:
        random = Random(self.random.random())
        for _ in range(self.scenario.faults):
            await asyncio.sleep(random.uniform(0, 4.0))
            fault = random.choice(FAULTS)
            self.events[fault] += 1
            self.note(f"fault: {fault}")
            worker = self._workers[-1]
            if fault == "kill":
                worker.process.kill()
            elif fault == "second owner":
                if random.random() < 0.7:
                    worker.process.sleep_until(self.loop.time() + random.uniform(0, 20.0))
                self.loop.call_later(random.uniform(0, 25.0), worker.request_stop)
                self._spawn()
            elif fault == "move group offset":
                self.broker.group_offset = random.randrange(self.broker.end_offset + 1)
                self.broker.group_offset_moved = True
            elif fault == "clock jump":
                worker.skew = random.randint(-self.scenario.skew, self.scenario.skew)
            elif fault == "lose markers":
                self.broker.loses_markers = True
                self.loop.call_later(random.uniform(0, 3.0), setattr, self.broker, "loses_markers", False)
            elif fault == "compact":
                self.broker.compact(random.randrange(10))
            else:
                self._break_redis(fault, random)
            if not self._workers[-1].process.alive:
                await asyncio.sleep(random.uniform(0, 3.0))
                self._spawn()

    def _break_redis(self, fault: str, random: Random) -> None:
        if fault == "roll back":
            self.redis.roll_back(random)
        elif fault == "flush":
            self.redis.flush()
        elif fault == "lose mark":
            self.redis.mark = None
        else:
            self.redis.out_of_memory = True
            self.loop.call_later(random.uniform(0, 5.0), setattr, self.redis, "out_of_memory", False)

    def _step_in(self, refusal: PartitionRefused) -> bool:
        if not self.events["lose markers"]:
            return False
        self.note(f"an operator steps in: {refusal}")
        self.broker.abort_hanging()
        readable = self.broker.committed[-1].state_offset if self.broker.committed else -1
        if self.redis.mark is not None and self.redis.mark.state_offset > readable:
            self.redis.flush()
        return True

    def _spawn(self) -> None:
        process = Process(f"w{len(self._workers) + 1}", self.network, self.note)
        skew = self.random.randint(-self.scenario.skew, self.scenario.skew)
        self._workers.append(Worker(self._around, process, Random(self.random.random()), skew, self.next_program()))

    def next_program(self) -> Program:
        """What the next worker runs."""
        return PROGRAM

    def _settled(self) -> bool:
        """Whether everything was read, every timer that should have fired did, and the view shows it."""
        if not self.broker.committed or self.redis.mark is None:
            return False
        last = self.broker.committed[-1]
        mark = mark_of(last)
        if mark.through != self.broker.touchpoints[-1].offset or self.redis.mark.state_offset != last.state_offset:
            return False
        slack = self.scenario.options.quiet_after + self.scenario.skew + 5 * SECOND
        overdue = self.now() - PROGRAM.grace - slack
        if mark.stream_time is not None:
            overdue = max(overdue, mark.stream_time - PROGRAM.grace)
        return not any(customer.due is not None and customer.due <= overdue for customer in self.redis.customers.values())

    def _where(self) -> str:
        last = mark_of(self.broker.committed[-1]) if self.broker.committed else None
        return f"log {last}, end {self.broker.end_offset}, view {self.redis.mark}, overdue {sorted(self.redis.customers)}, events {dict(self.events)}"

    def _note_commit(self, committed: Committed) -> None:
        for key, value in committed.transaction.states:
            assert value is not None
            self._states[key.decode()] = value
            self._dues[key.decode()] = decode_state(value).due
        self._check_timers(committed)
        self._states_at[committed.state_offset] = dict(self._states)
        self.events["commits"] += 1
        for outgoing in (*committed.transaction.stage_changes, *committed.transaction.dead_letters):
            self.note(f"published {outgoing.value!r}")
        self.note(f"committed {committed.transaction.mark_value!r} at {committed.state_offset}")

    def _check_timers(self, committed: Committed) -> None:
        """Stream time must not pass a timer by: only timers due at that very microsecond may still wait for their batch."""
        stream_time = mark_of(committed).stream_time
        for customer_id, due in self._dues.items():
            if due is not None and (stream_time is None or due + PROGRAM.grace < stream_time):
                self.wrong.append(
                    f"the mark at {committed.state_offset} says {stream_time}, and the timer of {customer_id} at {due} has not fired"
                )

    def _check_view(self) -> None:
        """Whenever the view says that it is whole, it must be what the log says at that mark."""
        mark = self.redis.mark
        if mark is not None and mark.state_offset not in self._states_at and self.events["lose markers"]:
            # Shown after a commit that was answered, and that nobody else may ever get to see.
            return
        if mark is not None and mark.complete:
            shown = {customer_id: customer.state for customer_id, customer in self.redis.customers.items()}
            if shown != self._states_at.get(mark.state_offset):
                self.wrong.append(f"the view at {mark.state_offset} says that it is whole and is not what the log says")

    def _note_result(self) -> None:
        for customer_id, customer in sorted(self.redis.customers.items()):
            self.note(f"{customer_id} {customer.stage} {customer.due} {customer.state!r}")
        for line in self.wrong:
            self.note(f"wrong: {line}")
