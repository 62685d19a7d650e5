"""Half a transaction is reported, whichever half it is. All the other worlds check that none is ever left."""

import asyncio
from random import Random

import pytest

from etapa.contracts.stored.mark import Mark
from etapa.stream.protocol.damage import DamageKind, damage_of_changes
from etapa.stream.protocol.ports import RecentChanges
from etapa.stream.protocol.records import Record
from tests.simulation.machines.memory_log import Committed, Tear
from tests.simulation.machines.network import SeededNetwork, Weather
from tests.simulation.one_worker.alone import Alone
from tests.simulation.worlds.world import World

LEFT_BY: dict[Tear, set[DamageKind]] = {
    "changes": {"changes_missing"},
    "mark": {"changes_without_mark", "group_offset_ahead"},
    "mark and changes": {"group_offset_ahead"},
}
"""What must be found after a part was lost."""


@pytest.mark.parametrize("tear", LEFT_BY)
def test_what_half_a_transaction_leaves_behind_is_named_at_the_next_takeover(tear: Tear) -> None:
    alone = Alone()
    for customer in "abc":
        alone.touch(customer)
    alone.run(alone.drain())

    async def steps() -> None:
        task = alone.worker()
        running = asyncio.create_task(task.run())
        await alone.until(lambda: task.ready)
        assert alone.told.damage == []
        alone.broker.tear = tear
        for customer in "adef":
            alone.touch(customer)
        await alone.until(lambda: len(alone.told.takeovers) > 2 and task.ready)
        assert set(alone.told.damage) == LEFT_BY[tear]
        assert task.damage
        task.request_stop()
        await running

    alone.run(steps())


def test_a_repeat_that_a_torn_transaction_led_to_is_named_later_too() -> None:
    alone = Alone()
    alone.touch("a")
    alone.run(alone.drain())
    alone.broker.tear = "mark"
    alone.touch("b")
    alone.worker()
    alone.run(alone.drain())
    alone.told.damage.clear()
    alone.worker()
    alone.run(alone.work_until(lambda: alone.task.ready))
    assert alone.told.damage == ["sequence_broken"]


class TornWorld(World):
    """Workers die and follow one another, and the transaction of one batch is torn."""

    faults = ("kill", "second owner", "compact", "roll back")

    def __init__(self, seed: int) -> None:
        super().__init__(seed, network=SeededNetwork(Random(seed), Weather()))
        random = Random(seed)
        self.tear: Tear = random.choice(("changes", "mark"))
        self._whole = random.randrange(6)

    def begin(self) -> None:
        """The transaction after this many whole ones is torn."""
        broker, note = self.broker, self.broker.on_commit

        def on_commit(committed: Committed) -> None:
            if note is not None:
                note(committed)
            self._whole -= 1
            if self._whole == 0:
                broker.tear = self.tear

        if self._whole == 0:
            broker.tear = self.tear
        broker.on_commit = on_commit
        super().begin()

    def check(self) -> None:
        """Check nothing: what readers of the changes see is wrong, and must be reported."""


def test_half_a_transaction_is_named_whatever_else_happens() -> None:
    torn = 0
    for seed in range(40):
        world = TornWorld(seed)
        result = world.run()
        assert result.violations == [], result.trace
        if world.broker.was_torn:
            torn += 1
            assert any(result.events[f"damage: {kind}"] for kind in LEFT_BY[world.tear]), (seed, result.trace)
        else:
            assert not any(name.startswith("damage") for name in result.events), (seed, result.trace)
    assert torn >= 20


def record(offset: int, identity: str) -> Record:
    return Record(offset, 0, b"k", b"v", (("ce_id", identity.encode()),))


@pytest.mark.parametrize(
    ("last_change", "ids", "kinds"),
    [
        ("a/2", [], []),
        ("a/2", ["a/1", "b/7", "a/2"], []),
        (None, ["a/1", "b/7", "a/2"], []),
        ("a/2", ["a/2", "b/7"], ["changes_without_mark"]),
        ("a/3", ["a/2", "b/7"], ["changes_missing"]),
        ("b/9", ["a/1", "b/7", "a/2", "b/9"], ["sequence_broken"]),
        ("b/7", ["b/7", "a/1", "b/7"], ["sequence_broken"]),
        ("c/1", ["written by somebody", "c/1"], []),
    ],
)
def test_the_end_of_the_changes_is_held_against_the_mark(last_change: str | None, ids: list[str], kinds: list[DamageKind]) -> None:
    mark = Mark(group="g", partitions=1, through=5, stream_time=None, journey="j", version=1, last_change=last_change)
    found = damage_of_changes(mark, RecentChanges([record(10 + number, identity) for number, identity in enumerate(ids)], all=False))
    assert [one.kind for one in found] == kinds
    assert all(identity not in one.message for one in found for identity in ids), "customers are named"


def test_changes_without_any_mark_are_named() -> None:
    assert [one.kind for one in damage_of_changes(None, RecentChanges([record(10, "a/1")], all=True))] == ["changes_without_mark"]
    assert damage_of_changes(None, RecentChanges([], all=True)) == []
