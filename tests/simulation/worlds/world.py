"""One run: a partition, its touchpoints, the workers that own it one after the other (or at once), and what goes wrong.

Everything follows from the seed. The run ends when the faults are over and everything has been processed; then the checker
examines the results.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

import msgspec

from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.partitioner import partition_of
from etapa.journey.engine.judging.program import Program
from etapa.journey.units import SECOND
from tests.simulation.checking.checker import Expectations
from tests.simulation.checking.controls import Safeguard
from tests.simulation.machines.loop import SimulationLoop, simulation_loop
from tests.simulation.machines.memory_log import MemoryBroker
from tests.simulation.machines.memory_view import MemoryRedis
from tests.simulation.machines.network import SeededNetwork, Server, Weather
from tests.simulation.machines.process import Process
from tests.simulation.worlds.scenario import PROGRAM, SimulationScenario, scenario_of
from tests.simulation.worlds.shop import Arrival, SimulatedShop, arrivals
from tests.simulation.worlds.watched import WatchedPartition, overdue_at
from tests.simulation.worlds.worker import ProcessClock, RunContext, SimulatedWorker

START = 1_795_000_000 * SECOND
"""The wall clock when a run begins."""
SERVER_FAULTS = ("roll back", "roll back", "flush", "lose mark", "lose scripts", "compact", "move group offset")
"""Faults of one partition, or of all of them."""
NETWORK_FAULTS = ("out of memory", "stall", "cut", "lose markers", "lose markers")
FAULTS = ("kill", "second owner", "second owner", "clock jump", *SERVER_FAULTS, *NETWORK_FAULTS)
MOMENTS = ("fetch", "load", "load", "write", "commit", "apply", "apply", "fence", "states")
"""Calls in the middle of which faults strike."""
AIMED = 0.5
"""The share of faults that wait for such a moment."""
AIMS_FOR = 3.0
"""The most seconds for which they wait for it."""
MOST_ROUNDS = 10
"""The most rounds of replacing the workers at the end, until those that leave have left nothing to do."""
HANGS_FOR = 20.0
"""Seconds after which an operator notices that readers get no further, although the worker that could show them more is silent."""
ENDS_WITHIN = 60.0
"""Seconds after which nothing is left of killed processes."""
SETTLES_WITHIN = 120.0
"""Seconds after the last fault within which lag must be zero and every timer must have fired."""


class SimulationResult(msgspec.Struct, frozen=True):
    """The result of a run."""

    seed: int
    violations: list[str]
    """Each with the virtual second and the number of the step at which it was found."""
    trace: str
    events: Mapping[str, int]
    """How often each event happened: takeovers by reason, faults, batches."""
    settled_after: float
    """Virtual seconds from the end of the last fault until everything was processed and shown."""
    digest: str
    """Equal for runs that were equal in every step."""


class World:
    """A run in progress. `off` names safeguards that are switched off."""

    faults: Sequence[str] = FAULTS
    settles_within = SETTLES_WITHIN

    def __init__(
        self,
        seed: int,
        scenario: SimulationScenario | None = None,
        network: SeededNetwork | None = None,
        off: frozenset[Safeguard] = frozenset(),
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.scenario = self.choose(self.random) if scenario is None else scenario
        self.network = network or SeededNetwork(Random(self.random.random()), self.scenario.weather)
        self.loop = self.make_loop(Random(self.random.random()))
        self.wrong: list[str] = []
        self.events: Counter[str] = Counter()
        self._trace: list[str] = []
        self.partitions = [
            WatchedPartition(number, self.scenario.partitions, self.note, self.find, self.events, off, self.scenario.options.max_fired)
            for number in range(self.scenario.partitions)
        ]
        self.around = RunContext(
            self.loop, self.partitions, self.scenario.options, self.now, self.note, self.find, self.events, off, self._step_in
        )
        self.settled_after = 0.0
        self._processes: list[Process] = []
        self._workers: list[SimulatedWorker] = []

    def choose(self, random: Random) -> SimulationScenario:
        """What the seed chooses for the run."""
        return scenario_of(random)

    def make_loop(self, random: Random) -> SimulationLoop:
        """The event loop, which owns time and interleaving."""
        return simulation_loop(random)

    @property
    def broker(self) -> MemoryBroker:
        """Of the first partition."""
        return self.partitions[0].broker

    @property
    def redis(self) -> MemoryRedis:
        """Of the first partition."""
        return self.partitions[0].redis

    def run(self) -> SimulationResult:
        """The whole run."""
        try:
            self.loop.run_until_complete(self._main())
        except Exception as error:  # noqa: BLE001 - one seed must not hide what the others find
            self.find(f"the run itself ended with {error!r}")
        for unnoticed in self.loop.errors:
            self.find(unnoticed)
        trace = "\n".join(self._trace)
        digest = hashlib.sha256(trace.encode()).hexdigest()[:16]
        result = SimulationResult(self.seed, self.wrong, trace, Counter(self.events), self.settled_after, digest)
        if self.wrong:
            self._end_what_is_left()
        return result

    def now(self) -> int:
        """The wall clock."""
        return START + round(self.loop.time() * SECOND)

    def _end_what_is_left(self) -> None:
        """A run that failed may end in the middle; its coroutines must not outlive it."""
        for process in self._processes:
            process.kill()
        self.loop.run_until_complete(asyncio.sleep(ENDS_WITHIN))

    def note(self, text: str) -> None:
        """Add to the trace."""
        self._trace.append(f"{self.loop.time():.6f} {text}")

    def find(self, text: str) -> None:
        """Something is wrong."""
        self.note(f"wrong: {text}")
        self.wrong.append(f"at {self.loop.time():.3f} s, step {len(self._trace)}: {text}")

    async def _main(self) -> None:
        self.begin()
        feeding = asyncio.create_task(self._feed())
        faults = asyncio.create_task(self._go_wrong())
        await feeding
        await faults
        self.network.weather = Weather()
        self.network.stalled.clear()
        self.network.cut.clear()
        for partition in self.partitions:
            partition.redis.out_of_memory = False
            partition.broker.loses_markers = False
        await self.drain()
        if not self.wrong:
            self.check()
        for partition in self.partitions:
            partition.note_result()

    def check(self) -> None:
        """Check the results against what must be true."""
        for partition in self.partitions:
            partition.check(self.expectations_of(partition))

    def begin(self) -> None:
        """The first worker starts."""
        self._spawn()

    async def drain(self) -> None:
        """Wait until everything is processed, and let all workers leave."""
        for _ in range(MOST_ROUNDS):
            await self.wait_until_settled()
            await self.let_all_leave()
            # They may have begun something while they were leaving, or died of it; their successors take care of that.
            if self.wrong or (self._settled() and not any(partition.broker.hanging for partition in self.partitions)):
                break

    async def let_all_leave(self) -> None:
        """Ask all workers to end, and wait until they have."""
        for worker in self._workers:
            worker.request_stop()
        # Any error of a worker has already been reported. One that died before it began was cancelled.
        await asyncio.gather(*(worker.ended for worker in self._workers), return_exceptions=True)

    async def wait_until_settled(self) -> None:
        """Wait until everything is processed and shown, which must not take too long."""
        began = self.loop.time()
        deadline = began + self.settles_within
        settled = False
        hangs_since = began
        while not settled and self.loop.time() < deadline and not self.wrong:
            if not any(partition.broker.hanging for partition in self.partitions):
                hangs_since = self.loop.time()
            elif self.events["lose markers"] and self.loop.time() - hangs_since > HANGS_FOR:
                # Its next commit would show what hangs, but takes too long. The next worker refuses the partition.
                self.stop_workers_at_once()
                hangs_since = self.loop.time()
            self.look_after_workers()
            await asyncio.sleep(0.5)
            settled = self.ready() and self._settled()
        self.settled_after = max(self.settled_after, self.loop.time() - began)
        if not self.wrong and not settled:
            where = "; ".join(partition.where() for partition in self.partitions)
            self.find(f"did not settle within {self.settles_within:g} s: ready {self.ready()}, {where}")

    def stop_workers_at_once(self) -> None:
        """An operator kills the worker."""
        self._workers[-1].process.kill()

    def look_after_workers(self) -> None:
        """Restart what died, as an orchestrator would."""
        if not self._workers[-1].process.alive or self._workers[-1].ended.done():
            self._spawn()

    def ready(self) -> bool:
        """Whether every partition is taken over by a living worker."""
        return self._workers[-1].ready

    def _settled(self) -> bool:
        overdue = overdue_at(self.now(), self.scenario.options.quiet_after, self.scenario.skew)
        return all(partition.settled(overdue) for partition in self.partitions)

    def expectations(self) -> Expectations:
        """What the checker needs to know."""
        return Expectations(
            PROGRAM,
            TouchpointLimits(),
            self.now(),
            on_time=self.scenario.shop.late <= PROGRAM.grace // 2 and self.scenario.skew == 0,
            poisonous=lambda touchpoint: touchpoint.type == "boom",
        )

    def expectations_of(self, partition: WatchedPartition) -> Expectations:
        """The same, with what concerns one partition only."""
        expected = self.expectations()
        if self.scenario.shop.kind == "history" and partition.longest_silence * SECOND >= self.scenario.options.quiet_after:
            # It jumped to the wall clock in the middle of history, as a partition does after being quiet for so long.
            return replace(expected, on_time=False)
        return expected

    async def _feed(self) -> None:
        shop, random = self.scenario.shop, Random(self.random.random())
        together = 0
        for number, arrival in enumerate(self.arriving(random, shop)):
            await self.before_arrival(number)
            self._partition_for(arrival.key, random).arrive(arrival, self.now(), self.loop.time())
            if together == 0:
                together = random.randrange(shop.burst)
                await asyncio.sleep(random.uniform(0, shop.pause))
            else:
                together -= 1
        if random.random() < 0.3:
            for partition in self.partitions:
                partition.broker.leave_gap()

    async def before_arrival(self, number: int) -> None:
        """Something may happen before a record arrives; they are counted from 0."""

    def arriving(self, random: Random, shop: SimulatedShop) -> Iterator[Arrival]:
        """Produce the records one after the other."""
        return arrivals(random, shop, self._walls())

    def _partition_for(self, key: bytes | None, random: Random) -> WatchedPartition:
        count = len(self.partitions)
        if count == 1:
            return self.partitions[0]
        return self.partitions[random.randrange(count) if key is None else partition_of(key.decode(), count)]

    def _walls(self) -> Iterator[int]:
        while True:
            yield self.now()

    async def _go_wrong(self) -> None:
        random = Random(self.random.random())
        for _ in range(self.scenario.faults):
            await asyncio.sleep(random.uniform(0, self.scenario.pause))
            fault = random.choice(self.faults)
            hit = await self.moment(random) if random.random() < AIMED else None
            self.events[fault] += 1
            self.note(f"fault: {fault}")
            where = self.partitions if random.random() < 0.5 else [random.choice(self.partitions)]
            if fault in SERVER_FAULTS:
                for partition in where:
                    partition.fault(fault, random)
            elif fault in NETWORK_FAULTS:
                self._disturb(fault, random)
            else:
                await self.fault(fault, random, hit)

    async def moment(self, random: Random) -> Process | None:
        """Wait until a process is in the middle of a call, and return it; None if that takes too long."""
        call = random.choice(MOMENTS)
        sent = self.network.next_call(call)
        done, _ = await asyncio.wait({sent}, timeout=AIMS_FOR)
        if not done:
            return None
        await asyncio.sleep(random.uniform(0, 2 * self.scenario.weather.delay))
        self.events["aimed fault"] += 1
        return sent.result()

    async def fault(self, fault: str, random: Random, hit: Process | None) -> None:
        """Let something happen to the workers, or to the one in the process `hit` if given."""
        last = self._workers[-1]
        worker = next((worker for worker in self._workers if worker.process is hit), last)
        if fault == "kill":
            worker.process.kill()
        elif fault == "second owner":
            if random.random() < 0.7:
                worker.process.sleep_until(self.loop.time() + random.uniform(0, 20.0))
            self.loop.call_later(random.uniform(0, 25.0), last.request_stop)
            self._spawn()
        elif fault == "clock jump":
            self.jump(worker.clock, random)
        if not self._workers[-1].process.alive:
            await asyncio.sleep(random.uniform(0, 3.0))
            self._spawn()

    def _disturb(self, fault: str, random: Random) -> None:
        """For a while, Redis has no memory, a server is frozen, or nothing gets through between it and a process in one direction."""
        seconds = random.uniform(0, 5.0)
        server: Server = random.choice(("log", "view"))
        if fault == "out of memory":
            for partition in self.partitions:
                partition.redis.out_of_memory = True
                self.loop.call_later(seconds, setattr, partition.redis, "out_of_memory", False)
        elif fault == "lose markers":
            # Transactions end as usual, but readers do not learn of it.
            broker = random.choice(self.partitions).broker
            broker.loses_markers = True
            self.loop.call_later(random.uniform(0, 8.0), setattr, broker, "loses_markers", False)
        elif fault == "stall":
            self.network.stalled[server] = 2.0
            self.loop.call_later(seconds, lambda: self.network.stalled.pop(server, None))
        else:
            between = random.choice(self.process_names()), server
            self.network.cut[between] = random.choice(("request", "answer"))
            self.loop.call_later(seconds, lambda: self.network.cut.pop(between, None))

    def _step_in(self, partition: int, message: str) -> bool:
        if not self.events["lose markers"]:
            return False
        self.note(f"an operator steps in: {message}")
        # Nowhere else: under a running worker, aborting what hangs would remove a batch that it builds upon.
        self.partitions[partition].step_in()
        return True

    def process_names(self) -> Sequence[str]:
        """The names of the processes that may do something."""
        return [worker.process.name for worker in self._workers[-2:]]

    def new_process(self) -> tuple[Process, Random, int]:
        """A worker process that starts now, its own randomness, and the error of its clock."""
        process = self.make_process(f"w{len(self._processes) + 1}")
        self._processes.append(process)
        skew = self.random.randint(-self.scenario.skew, self.scenario.skew)
        return process, Random(self.random.random()), skew

    def make_process(self, name: str) -> Process:
        """A process that starts now."""
        return Process(name, self.network, self.note, self.events)

    def _spawn(self) -> None:
        process, random, skew = self.new_process()
        self._workers.append(self.make_worker(process, random, skew))

    def make_worker(self, process: Process, random: Random, skew: int) -> SimulatedWorker:
        """The worker in a process that starts now."""
        return SimulatedWorker(self.around, process, random, skew, self.next_program())

    def next_program(self) -> Program:
        """The program of the next worker."""
        return PROGRAM

    def jump(self, clock: ProcessClock, random: Random) -> None:
        """Set a process's wall clock forward or back."""
        skew = random.randint(-self.scenario.skew, self.scenario.skew)
        self.events["clock set forward"] += skew > clock.skew
        self.events["clock set back"] += skew < clock.skew
        clock.skew = skew
