"""The calendar of timers compared with a plain list that is sorted before every look."""

from hypothesis import example, given
from hypothesis import strategies as st

from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME
from etapa.journey.engine.timers import Timers
from etapa.journey.units import HOUR

TIMES = st.one_of(
    st.integers(-5, 5),
    st.builds(lambda hours, rest: hours * HOUR + rest, st.integers(-60, 60), st.integers(-2, 2)),
    st.integers(BEGINNING_OF_TIME, END_OF_TIME),
)
CUSTOMERS = st.sampled_from(["a", "b", "ab", "ñ", "\U0001f6d2", ""])
ENTRIES = st.tuples(TIMES, CUSTOMERS)
"""Due time and customer."""
Step = tuple[str, int, list[tuple[int, str]]]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.just(0), st.lists(ENTRIES, min_size=1, max_size=8)),
        st.tuples(st.just("work off"), TIMES, st.lists(ENTRIES, max_size=8)),
        st.tuples(st.just("work off"), TIMES, st.just([])),
        st.tuples(st.just("replace"), st.just(0), st.lists(ENTRIES, max_size=8)),
    ),
    max_size=30,
)


class Both:
    """The calendar and its model, which must always agree."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.model: list[tuple[int, str]] = []

    def add(self, entry: tuple[int, str]) -> None:
        self.timers.add(*entry)
        self.model.append(entry)
        self.check()

    def replace(self, entries: list[tuple[int, str]]) -> None:
        self.timers.replace(entries)
        self.model = list(entries)
        self.check()

    def work_off(self, by: int, meanwhile: list[tuple[int, str]]) -> None:
        """Take out everything due at `by`; after each, add the next of `meanwhile`."""
        to_add = list(meanwhile)
        while self.timers.any_due(by):
            self.model.sort()
            assert self.timers.take() == self.model.pop(0)
            self.check()
            if to_add:
                self.add(to_add.pop(0))
        assert all(due > by for due, _ in self.model)

    def check(self) -> None:
        assert len(self.timers) == len(self.model)
        assert all(self.timers.earliest <= due for due, _ in self.model)


@given(STEPS)
@example([("add", 0, [(5, "a"), (3, "b")]), ("work off", 4, [(4, "c"), (1, "a")]), ("work off", 9, [])])
@example([("add", 0, [(0, "a"), (40 * HOUR, "b")]), ("work off", 50 * HOUR, [(20 * HOUR, "c"), (-HOUR, "d")])])
def test_timers_come_in_order_of_due_time_then_customer_whatever_is_added_meanwhile(steps: list[Step]) -> None:
    both = Both()
    for what, by, entries in steps:
        if what == "work off":
            both.work_off(by, entries)
        elif what == "replace":
            both.replace(entries)
        else:
            for entry in entries:
                both.add(entry)
    both.work_off(END_OF_TIME, [])
    assert len(both.timers) == 0
