"""The calendar of timers compared with a plain list that is sorted before every look."""

from hypothesis import example, given
from hypothesis import strategies as st

from etapa.journey.engine.facts.instant import BEGINNING_OF_TIME, END_OF_TIME, NEVER
from etapa.journey.engine.timers import CustomerTimer, Timers
from etapa.journey.units import HOUR

TIMES = st.one_of(
    st.integers(-5, 5),
    st.builds(lambda hours, rest: hours * HOUR + rest, st.integers(-60, 60), st.integers(-2, 2)),
    st.integers(BEGINNING_OF_TIME, END_OF_TIME),
    st.just(NEVER),
)
NAMES = ["a", "b", "ab", "ñ", "\U0001f6d2", "", "a", "b"]
"""Two customers occur twice, as one who left and came back."""
WHO = st.integers(0, len(NAMES) - 1)
ENTRIES = st.tuples(TIMES, WHO)
"""Due time and the number of a timer."""
Step = tuple[str, int, list[tuple[int, int]]]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("schedule"), st.just(0), st.lists(ENTRIES, min_size=1, max_size=8)),
        st.tuples(st.just("work off"), TIMES, st.lists(ENTRIES, max_size=8)),
        st.tuples(st.just("work off"), TIMES, st.just([])),
        st.tuples(st.just("refile"), st.just(0), st.just([])),
        st.tuples(st.just("cancel"), st.just(0), st.lists(ENTRIES, max_size=2)),
    ),
    max_size=30,
)


class Both:
    """The calendar and its model, which must always agree."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.each = [CustomerTimer(name) for name in NAMES]
        self.model: dict[int, int] = {}
        """When each is due."""

    def schedule(self, due: int, who: int) -> None:
        self.timers.schedule(self.each[who], due)
        self.model[who] = due
        self.check()

    def cancel(self, who: int) -> None:
        self.each[who].cancel()
        self.model.pop(who, None)

    def refile(self) -> None:
        self.timers.refile(self.each)
        assert len(self.timers) == sum(due <= END_OF_TIME for due in self.model.values())
        self.check()

    def work_off(self, by: int, meanwhile: list[tuple[int, int]]) -> None:
        """Take out everything due at `by`; after each, schedule the next of `meanwhile`."""
        to_schedule = list(meanwhile)
        by = min(by, END_OF_TIME)
        while True:
            due = sorted((at, NAMES[who], who) for who, at in self.model.items() if at <= by)
            assert self.timers.any_due(by) is bool(due)
            timer = self.timers.take_due(by)
            if timer is None:
                break
            first = [who for at, name, who in due if (at, name) == due[0][:2]]
            who = next(who for who in first if self.each[who] is timer)
            assert timer.due == self.model.pop(who)
            self.check()
            if to_schedule:
                self.schedule(*to_schedule.pop(0))
        assert not due

    def check(self) -> None:
        assert all(self.timers.earliest <= due for due in self.model.values())
        assert len(self.timers) >= sum(due <= END_OF_TIME for due in self.model.values())


@given(STEPS)
@example([("schedule", 0, [(5, 0), (3, 1)]), ("work off", 4, [(4, 2), (1, 0)]), ("work off", 9, [])])
@example([("schedule", 0, [(0, 0), (40 * HOUR, 1)]), ("work off", 50 * HOUR, [(20 * HOUR, 2), (-HOUR, 3)])])
@example([("schedule", 0, [(40 * HOUR, 0), (41 * HOUR, 1), (44 * HOUR, 0)]), ("work off", 41 * HOUR, [(40 * HOUR, 2)])])
def test_timers_come_in_order_of_due_time_then_customer_whatever_is_scheduled_meanwhile(steps: list[Step]) -> None:
    both = Both()
    for what, by, entries in steps:
        if what == "work off":
            both.work_off(by, entries)
        elif what == "refile":
            both.refile()
        elif what == "cancel":
            for _, who in entries:
                both.cancel(who)
        else:
            for due, who in entries:
                both.schedule(due, who)
    both.work_off(END_OF_TIME, [])
    both.refile()
    assert len(both.timers) == 0
