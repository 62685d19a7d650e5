"""The partition's owner judges all customers at once by a new version of the journey, exactly once as everything else."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from etapa.contracts.stored.reclassification import ReclassifyProgress, ReclassifyRequest
from etapa.contracts.stored.state import decode_standing, decode_state
from etapa.journey.engine.judging.program import Program
from tests.simulation.checking.checker import Expectations, mark_of
from tests.simulation.one_worker.alone import OPTIONS, Alone
from tests.simulation.worlds.versions import VERSIONS
from tests.simulation.worlds.world import World
from tests.support.faulty import Faulty

pytestmark = pytest.mark.usefixtures("quiet_logs")

SEEDS = 200
NEW = VERSIONS[2]


def request(**changes: Any) -> ReclassifyRequest:
    return msgspec.structs.replace(ReclassifyRequest(id="one", version=2, publish=True, rate=1000.0, at=0), **changes)


def shop(**options: Any) -> Alone:
    """Six customers who have bought twice: active by the old version, and fond of us by the new one."""
    alone = Alone(msgspec.structs.replace(OPTIONS, **options))
    for customer in "abcdef":
        alone.touch(customer)
        alone.touch(customer)
    alone.run(alone.drain())
    return alone


def reclassified(alone: Alone, wanted: ReclassifyRequest | None = None, program: Program = NEW) -> ReclassifyProgress:
    """Request it, and run a worker until it is done."""
    wanted = wanted or request()
    alone.redis.request = wanted
    alone.worker(program=program)
    alone.run(alone.work_until(lambda: progress_of(alone, wanted.id).done))
    return progress_of(alone, wanted.id)


def progress_of(alone: Alone, request_id: str) -> ReclassifyProgress:
    """What was recorded about a request."""
    noted = alone.redis.progress
    if noted is None or noted.request != request_id:
        return ReclassifyProgress(request=request_id, customers=0, looked_at=0, carried_over=0, moved=0, failed=0, done=False)
    return noted


def journey_changes(alone: Alone) -> list[tuple[str, int, str | None, str]]:
    return [(change.customer_id, change.sequence, change.source, change.to) for change in alone.changes() if change.cause == "journey"]


def test_every_customer_is_judged_at_once_and_its_change_published() -> None:
    alone = shop()
    progress = reclassified(alone)
    assert journey_changes(alone) == [(customer, 3, "active", "fond") for customer in "abcdef"]
    assert alone.stages() == dict.fromkeys("abcdef", "fond")
    assert (progress.customers, progress.carried_over, progress.moved, progress.failed) == (6, 6, 6, 0)
    assert alone.told.batches[-1].stage_deltas == {"active": -6, "fond": 6}


def test_silently_stages_and_counts_change_and_nothing_is_published() -> None:
    alone = shop()
    before = len(alone.changes())
    progress = reclassified(alone, request(publish=False))
    assert len(alone.changes()) == before
    assert alone.stages() == dict.fromkeys("abcdef", "fond")
    assert alone.redis.counts() == {"fond": 6}
    assert (progress.moved, alone.told.batches[-1].stage_deltas, alone.told.batches[-1].changes.total) == (6, {"active": -6, "fond": 6}, 0)


def test_after_a_silent_change_the_next_one_goes_on_in_number_from_where_the_customer_is() -> None:
    alone = shop()
    reclassified(alone, request(publish=False))
    alone.touch("a", "complaint")
    alone.touch("a", "complaint")
    alone.worker(program=NEW)
    alone.run(alone.drain())
    last = alone.changes()[-1]
    assert (last.customer_id, last.sequence, last.source, last.to, last.cause) == ("a", 3, "fond", "gone", "touchpoint")
    customer = decode_state(alone.redis.customers["a"].state or b"", "a", mark_of(alone.broker.committed[-1]).in_common())
    assert [to for to, _, _ in customer.changes] == ["fond", "gone"]


def test_a_second_request_finds_nothing_left_to_do() -> None:
    alone = shop()
    reclassified(alone)
    commits = len(alone.broker.committed)
    progress = reclassified(alone, request(id="two"))
    assert (progress.request, progress.looked_at, progress.carried_over, progress.moved) == ("two", 6, 0, 0)
    assert len(alone.broker.committed) == commits


@pytest.mark.parametrize("wanted", [request(version=3), request(version=1)])
def test_a_request_for_another_version_waits_for_a_worker_that_runs_it(wanted: ReclassifyRequest) -> None:
    alone = shop()
    commits = len(alone.broker.committed)
    alone.redis.request = wanted
    alone.worker(program=NEW)
    later = alone.loop.time() + 6.0
    alone.run(alone.work_until(lambda: alone.loop.time() > later))
    assert alone.redis.progress is None
    assert len(alone.broker.committed) == commits


def test_the_rate_is_kept() -> None:
    alone = shop()
    started = alone.loop.time()
    reclassified(alone, request(rate=0.5))
    # Six customers, one every two seconds; the first at once.
    assert alone.loop.time() - started >= 10.0
    assert [len(committed.transaction.states) for committed in alone.broker.committed[-6:]] == [1] * 6


def test_touchpoints_are_not_held_up() -> None:
    alone = shop()
    alone.redis.request = request(rate=0.1)
    alone.worker(program=NEW)

    async def steps() -> None:
        working = asyncio.create_task(alone.task.run())
        await alone.until(lambda: progress_of(alone, "one").carried_over == 1)
        alone.touch("z")
        asked_at = alone.loop.time()
        await alone.until(lambda: "z" in alone.stages())
        assert alone.loop.time() - asked_at < 5.0
        alone.task.request_stop()
        await working

    alone.run(steps())


def test_the_next_owner_goes_on_where_the_last_one_was_interrupted() -> None:
    alone = shop()
    alone.redis.request = request(rate=0.5)
    alone.worker(program=NEW)
    alone.run(alone.work_until(lambda: progress_of(alone, "one").carried_over >= 2))
    assert sorted(alone.stages().values()) != ["fond"] * 6
    progress = reclassified(alone, alone.redis.request)
    assert (progress.carried_over, progress.moved) == (6, 6)
    assert journey_changes(alone) == [(customer, 3, "active", "fond") for customer in "abcdef"]


def test_a_request_that_is_taken_back_ends_after_the_portion_at_hand() -> None:
    alone = shop()
    alone.redis.request = request(rate=0.5)
    alone.worker(program=NEW)

    async def steps() -> None:
        working = asyncio.create_task(alone.task.run())
        await alone.until(lambda: progress_of(alone, "one").carried_over == 1)
        alone.redis.request = None
        await asyncio.sleep(60)
        assert progress_of(alone, "one").carried_over < 4
        alone.task.request_stop()
        await working

    alone.run(steps())


def test_a_customer_that_cannot_be_judged_stays_as_it_was_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = shop()
    rule = next(rule for rule in NEW.stages["active"].rules if rule.to == "fond")
    monkeypatch.setattr(rule, "condition", Faulty(rule.condition, lambda customer, _, __: customer.id == "c", ZeroDivisionError()))
    progress = reclassified(alone)
    assert (progress.carried_over, progress.moved, progress.failed) == (5, 5, 1)
    assert decode_standing(alone.redis.customers["c"].state or b"").version == 1
    assert alone.stages()["c"] == "active"


def test_timers_that_the_new_version_would_have_set_fire_in_the_same_step() -> None:
    alone = shop()

    async def wait() -> None:
        # Longer than the 12 s after which the new version gives up an idle customer, shorter than the 15 s of the old one.
        await asyncio.sleep(13.5)

    alone.run(wait())
    reclassified(alone, request(publish=False))
    before = {change.customer_id: change.to for change in alone.changes()}
    assert set(alone.stages().values()) <= {"gone", "fond"}
    assert set(before.values()) <= {"active", "gone"}


class ReclassifyingWorld(World):
    """Workers start with one version or the other, and in the middle of the run somebody requests a reclassification."""

    publish = True

    async def _go_wrong(self) -> None:
        self.loop.call_later(self.random.uniform(0, 8), self._ask)
        await super()._go_wrong()

    def _ask(self) -> None:
        self.redis.request = request(publish=self.publish, rate=self.random.choice((1.0, 5.0, 1000.0)))

    def next_program(self) -> Program:
        return VERSIONS[self.random.choice((1, 2))]

    def expectations(self) -> Expectations:
        return replace(super().expectations(), on_time=False, versions=VERSIONS, publish=self.publish)


class SilentWorld(ReclassifyingWorld):
    """As above, silently."""

    publish = False


@pytest.mark.parametrize("kind", [ReclassifyingWorld, SilentWorld])
@pytest.mark.parametrize("part", range(2))
def test_whatever_happens_while_customers_are_reclassified_every_invariant_holds(kind: type[ReclassifyingWorld], part: int) -> None:
    failing = []
    carried_over = done = turns = 0
    for seed in range(part * SEEDS // 2, (part + 1) * SEEDS // 2):
        world = kind(seed)
        result = world.run()
        if result.violations:
            failing.append((seed, result.violations[0]))
        turns += len({mark_of(committed).version for committed in world.broker.committed}) == 2
        if world.redis.progress is not None:
            carried_over += world.redis.progress.carried_over
            done += world.redis.progress.done
    assert failing == []
    assert carried_over > 1
    assert done > 10
    assert turns > 10
