"""However deliveries end, processes die and targets lag: nothing is lost, and nothing committed comes again."""

import random
from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from etapa.deliver.offsets.progress import Kept, PartitionProgress, Through, furthest, kept_of, memo_of

LANES = ("a", "b", "c")


class Log:
    """A partition: offsets with gaps, as transactions leave them, each for a lane or for none."""

    def __init__(self, lanes: list[str | None], gaps: list[int]) -> None:
        self.records: dict[int, str | None] = {}
        offset = 0
        for lane, gap in zip(lanes, gaps, strict=True):
            offset += gap
            self.records[offset] = lane
            offset += 1

    def since(self, offset: int) -> list[int]:
        return [each for each in self.records if each >= offset]


class Run:
    """One process from its start to its end, driven step by step."""

    def __init__(self, log: Log, window: int, before: Kept | None) -> None:
        self.log = log
        self.window = window
        start = before.offset if before is not None else 0
        self.progress = PartitionProgress(window, start, before.through if before is not None else None)
        self.unread = log.since(start)
        self.fetched: list[int] = []
        self.open: list[tuple[str, int]] = []

    def fetch(self, count: int) -> None:
        some, self.unread = self.unread[:count], self.unread[count:]
        self.progress.fetched(some)
        self.fetched += some

    def take(self) -> None:
        if self.fetched:
            offset = self.fetched.pop(0)
            assert self.progress.take(offset)
            lane = self.log.records[offset]
            if lane is not None and self.progress.admit(lane, offset) == "open":
                self.open.append((lane, offset))

    def catch_up(self, lane: str, count: int) -> None:
        if lane in self.progress.behind:
            for offset in self.log.since(self.progress.behind[lane])[:count]:
                found = self.progress.look(lane, offset, mine=self.log.records[offset] == lane)
                if found == "open":
                    self.open.append((lane, offset))
                if found == "later":
                    return

    def end(self, index: int) -> int | None:
        if not self.open:
            return None
        lane, offset = self.open.pop(index % len(self.open))
        self.progress.settle(lane, offset)
        return offset

    def kept(self) -> Kept:
        return self.progress.kept()


class History:
    """Processes one after the other, and what was seen of them from outside."""

    def __init__(self, log: Log, window: int) -> None:
        self.log = log
        self.window = window
        self.delivered: Counter[int] = Counter()
        self.committed: list[Kept] = []
        """Everything that was ever committed, in order."""
        self.sure: set[int] = set()
        """What the last commit says is done."""
        self.run = Run(log, window, None)

    def end(self, index: int) -> None:
        offset = self.run.end(index)
        if offset is not None:
            assert offset not in self.sure, "delivered again although it was committed as through"
            self.delivered[offset] += 1

    def commit(self) -> None:
        kept = self.run.kept()
        assert kept.through is not None
        # As read back from a group's offset and its metadata.
        assert kept_of(memo_of(kept, "r"), kept.offset, "r") in (kept, Kept(kept.offset, Through(kept.offset)))
        wanted = {offset: lane for offset, lane in self.log.records.items() if lane is not None}
        sure = {offset for offset, lane in wanted.items() if offset < kept.offset or kept.through.holds(lane, offset)}
        assert all(self.delivered[offset] for offset in sure), "committed as through what was not delivered"
        assert sure >= self.sure, "less is kept than before"
        self.committed.append(kept)
        self.sure = sure

    def kill(self, chance: random.Random) -> None:
        """The next process finds the last commit, and any older records that were not removed or came late, in any order."""
        found = chance.sample(self.committed, chance.randint(0, len(self.committed))) + self.committed[-1:]
        self.run = Run(self.log, self.window, furthest(chance.sample(found, len(found))))

    def step(self, chance: random.Random) -> None:
        """Anything that may happen next; mostly ends and commits, so that much is done beyond what is open."""
        what = chance.choices(["fetch", "take", "end", "catch up", "commit", "kill"], [20, 30, 30, 20, 12, 2])[0]
        match what:
            case "fetch":
                self.run.fetch(chance.randint(1, 5))
            case "take":
                self.run.take()
            case "end":
                self.end(chance.randrange(50))
            case "catch up":
                self.run.catch_up(chance.choice(LANES), chance.randint(1, 8))
            case "commit":
                self.commit()
            case "kill":
                self.kill(chance)
        assert all(self.run.progress.open_in(lane) <= self.window for lane in LANES), "more in memory than the window"

    def finish(self) -> None:
        """Let the last process finish undisturbed."""
        for _ in range(10 * len(self.log.records) + 10):
            self.run.fetch(5)
            self.run.take()
            self.end(0)
            for lane in LANES:
                self.run.catch_up(lane, 5)
        self.commit()


@settings(max_examples=600)
@given(seed=st.integers(0, 2**64))
# Histories in which a lane fell behind again after a restart.
@example(seed=10452)
@example(seed=17964914)
def test_nothing_is_lost_and_nothing_that_was_committed_is_delivered_again(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.randint(0, 30)
    lanes = chance.choices([*LANES, None], [6, 3, 1, 1], k=size)
    history = History(Log(lanes, [chance.choice([0, 0, 1, 2]) for _ in lanes]), chance.randint(1, 4))
    for _ in range(chance.randint(0, 250)):
        history.step(chance)
    history.finish()
    assert {offset for offset, lane in history.log.records.items() if lane is not None} == set(history.delivered), "lost"
    assert history.run.progress.is_idle
    if history.log.records:
        assert history.committed[-1].offset == max(history.log.records) + 1


@given(lanes=st.lists(st.sampled_from(LANES), min_size=1, max_size=30), seed=st.integers(0, 2**64))
def test_a_stop_in_good_order_costs_no_repeat(lanes: list[str], seed: int) -> None:
    """Half is done, in any order; the next process delivers exactly the other half."""
    log = Log(list(lanes), [0] * len(lanes))
    run = Run(log, len(lanes), None)
    run.fetch(len(lanes))
    for _ in lanes:
        run.take()
    random.Random(seed).shuffle(run.open)
    first = {run.end(0) for _ in range(len(lanes) // 2)}
    after = Run(log, len(lanes), run.kept())
    after.fetch(len(lanes))
    for _ in range(len(lanes)):
        after.take()
    assert {offset for _, offset in after.open} == set(log.records) - first
