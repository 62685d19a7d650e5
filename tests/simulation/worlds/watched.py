"""One partition of a run, on its servers, with the checks during the run and after it."""

from collections import Counter
from collections.abc import Callable
from random import Random

from etapa.contracts.outgoing.stage_change import decode_stage_change
from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.state import decode_standing
from etapa.journey.units import SECOND
from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.checking.checker import Expectations, mark_of, violations
from tests.simulation.checking.controls import Safeguard
from tests.simulation.machines.memory_log import Committed, MemoryBroker
from tests.simulation.machines.memory_view import MemoryRedis
from tests.simulation.worlds.scenario import PROGRAM
from tests.simulation.worlds.shop import Arrival


class WatchedPartition:
    """Partition `number` of `count`. `find` receives everything that is wrong, `note` everything that happens."""

    def __init__(
        self,
        number: int,
        count: int,
        note: Callable[[str], None],
        find: Callable[[str], None],
        events: Counter[str],
        off: frozenset[Safeguard] = frozenset(),
        max_fired: int = TaskOptions(group="").max_fired,
    ) -> None:
        self._max_fired = max_fired
        self.number = number
        self.broker = MemoryBroker(
            count, number, fencing="kafka_fence" not in off, tells_hanging="settled" not in off, on_commit=self._note_commit
        )
        self.redis = MemoryRedis(chained="chain" not in off)
        self.redis.on_apply = self._check_view
        self._prefix = f"p{number} " if count > 1 else ""
        self._note = note
        self._find = find
        self._events = events
        self.longest_silence = 0.0
        """The most seconds between two arrivals of touchpoints."""
        self._arrived_at: float | None = None
        self._version: int | None = None
        self._states: dict[str, bytes] = {}
        self._dues: dict[str, int | None] = {}
        self._states_at: dict[int, dict[str, bytes]] = {}
        """The whole state in the log after each mark, by the mark's offset."""

    def arrive(self, arrival: Arrival, wall: int, seconds: float) -> None:
        """A record is produced."""
        if arrival.gap:
            self.broker.leave_gap(arrival.gap)
        self._events["offset gap"] += arrival.gap > 0
        self._events["late touchpoint"] += arrival.late > 0
        self._events["touchpoint later than grace"] += arrival.late > PROGRAM.grace
        self.broker.append(arrival.key, arrival.value, arrival.headers, wall)
        if self._arrived_at is not None:
            self.longest_silence = max(self.longest_silence, seconds - self._arrived_at)
        self._arrived_at = seconds

    def fault(self, name: str, random: Random) -> bool:
        """Let a server fault happen here. False if `kind` is not a server fault."""
        if name == "roll back":
            before = self.redis.mark
            self.redis.roll_back(random)
            self._events["writes lost"] += self.redis.mark != before
        elif name == "flush":
            self.redis.flush()
        elif name == "lose mark":
            self.redis.mark = None
        elif name == "lose scripts":
            self.redis.scripts.clear()
        elif name == "compact":
            self.broker.compact(random.randrange(10))
        elif name == "move group offset":
            self.broker.group_offset = random.randrange(self.broker.end_offset + 1)
            self.broker.group_offset_moved = True
        else:
            return False
        return True

    def step_in(self) -> None:
        """Do what an operator does about hanging transactions."""
        self.broker.abort_hanging()
        mark = self.redis.mark
        if mark is None:
            return
        readable = self.broker.committed[-1].state_offset if self.broker.committed else -1
        if mark.state_offset > readable or (mark.complete and mark.state_offset not in self._states_at):
            # It shows what was aborted since.
            self.redis.flush()

    def settled(self, overdue: int) -> bool:
        """Whether everything was read, the view shows it, and no timer is left that should have fired by `overdue`."""
        if not self.broker.committed or self.redis.mark is None:
            return not self.broker.touchpoints
        last = self.broker.committed[-1]
        mark = mark_of(last)
        if self.broker.touchpoints and mark.through != self.broker.touchpoints[-1].offset:
            return False
        if self.redis.mark.state_offset != last.state_offset:
            return False
        if mark.stream_time is not None:
            overdue = max(overdue, mark.stream_time - PROGRAM.grace)
        return not any(customer.due is not None and customer.due <= overdue for customer in self.redis.customers.values())

    def check(self, expected: Expectations) -> None:
        """Check all results against what must be true."""
        for line in violations(self.broker, self.redis, expected):
            self._find(self._prefix + line)

    def where(self) -> str:
        """Its progress, for a message."""
        last = mark_of(self.broker.committed[-1]) if self.broker.committed else None
        shown = None if self.redis.mark is None else (self.redis.mark.state_offset, self.redis.mark.complete)
        due = sorted((customer.due, customer.customer_id) for customer in self.redis.customers.values() if customer.due is not None)
        return f"{self._prefix}log {last}, end {self.broker.end_offset}, view {shown}, next timers {due[:3]}"

    def note_result(self) -> None:
        """Add what the view shows to the trace."""
        for customer_id, customer in sorted(self.redis.customers.items()):
            self._note(f"{self._prefix}{customer_id} {customer.stage} {customer.due} {customer.state!r}")

    def _note_commit(self, committed: Committed) -> None:
        for one in committed.transaction.states:
            assert one.key is not None
            if one.value is None:
                self._states.pop(one.key.decode(), None)
                self._dues.pop(one.key.decode(), None)
                continue
            self._states[one.key.decode()] = one.value
            self._dues[one.key.decode()] = None if is_forwarding(one.value) else decode_standing(one.value).due
        self._check_timers(committed)
        self._states_at[committed.state_offset] = dict(self._states)
        self._events["commits"] += 1
        version = mark_of(committed).version
        self._events["version changes"] += self._version not in (None, version)
        self._version = version
        for change in committed.transaction.stage_changes:
            self._events["changes by a new version"] += decode_stage_change(change.value or b"").cause == "journey"
        for outgoing in (
            *committed.transaction.stage_changes,
            *committed.transaction.campaign_triggers,
            *committed.transaction.campaign_outcomes,
            *committed.transaction.dead_letters,
        ):
            self._note(f"{self._prefix}published {outgoing.value!r}")
        self._note(f"{self._prefix}committed {committed.transaction.mark_value!r} at {committed.state_offset}")

    def _check_timers(self, committed: Committed) -> None:
        """Stream time must not pass a timer: only timers due at that very microsecond may still wait for their batch."""
        stream_time = mark_of(committed).stream_time
        if len(committed.transaction.stage_changes) + len(committed.transaction.states) >= self._max_fired:
            # Perhaps a portion of the due timers: a late touchpoint set some that stream time had already passed.
            return
        for customer_id, due in self._dues.items():
            if due is not None and (stream_time is None or due + PROGRAM.grace < stream_time):
                self._find(
                    f"{self._prefix}the mark at {committed.state_offset} says {stream_time}, and the timer of {customer_id} at {due}"
                    " has not fired"
                )

    def _check_view(self) -> None:
        """Whenever the view says that it is complete, it must equal the log at that mark."""
        mark = self.redis.mark
        if mark is not None and mark.state_offset not in self._states_at and self._events["lose markers"]:
            # Shown after a commit that was answered but may never become visible to others.
            return
        if mark is not None and mark.complete:
            shown = {customer_id: customer.state for customer_id, customer in self.redis.customers.items()}
            if shown != self._states_at.get(mark.state_offset):
                self._find(f"{self._prefix}the view at {mark.state_offset} says that it is complete but differs from the log")


def overdue_at(now: int, quiet_after: int, skew: int) -> int:
    """Timers due by this time must have fired by `now` in a partition that caught up long enough ago."""
    return now - PROGRAM.grace - quiet_after - skew - 5 * SECOND
