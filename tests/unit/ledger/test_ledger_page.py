"""Pages: figures that add up, within bounds."""

from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.ledger.page import Page
from etapa.journey.ledger.sums import FlatSums
from etapa.journey.ledger.tables import MOST_CELLS, MOST_NAMES, Key
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import DAY, HOUR


def _touchpoints(page: Page, *keys: Key) -> None:
    for key in keys:
        page.add({key: [1]})


def test_types_and_channels_beyond_the_bound_are_counted_as_other() -> None:
    page = Page("touchpoints")
    for number in range(MOST_NAMES + 50):
        _touchpoints(page, (None, "a", f"type {number}", "web"), (None, "a", "visit", f"channel {number}"))
    cells = page.cells()
    assert sum(figures[0] for figures in cells.values()) == 2 * (MOST_NAMES + 50)
    assert {len({key[place] for key in cells} - {"other"}) for place in (2, 3)} == {MOST_NAMES}
    assert cells[None, "a", "other", "web"] == [51]
    _touchpoints(page, (None, "a", "type 249", "web"), (None, "a", "type 3", None))
    cells = page.cells()
    assert (cells[None, "a", "other", "web"], cells[None, "a", "type 3", None]) == ([52], [1])


def test_the_same_bounds_hold_for_what_a_tally_counted() -> None:
    page, tally = Page("touchpoints"), BatchTally()
    for number in range(MOST_NAMES + 50):
        tally.touched(0, None, "a", f"type {number}", "web")
        tally.touched(0, None, "a", "visit", f"channel {number}")
    for _ in range(2):
        for counted in tally.tables():
            page.add_sums(counted)
    cells = page.cells()
    assert sum(figures[0] for figures in cells.values()) == 4 * (MOST_NAMES + 50)
    assert {len({key[place] for key in cells} - {"other"}) for place in (2, 3)} == {MOST_NAMES}


def test_the_same_bounds_hold_for_all_hours_of_a_batch_that_fall_into_one_page() -> None:
    ledger, tally = JourneyLedger(), BatchTally()
    for number in range(MOST_NAMES + 50):
        tally.touched(number % 24 * HOUR, None, "a", f"type {number}", "web")
        tally.moved(number % 24 * HOUR, None, None, "a", "touchpoint", None)
    enter(ledger, tally, 20 * DAY)
    [(_, page)], [(_, moves)] = ledger.of("touchpoints"), ledger.of("moves")
    cells = page.cells()
    assert len({key[2] for key in cells} - {"other"}) == MOST_NAMES
    assert cells[None, "a", "other", "web"] == [50]
    assert moves.cells() == {(None, None, "a", "touchpoint", None): [MOST_NAMES + 50, 0, 0]}


def test_cells_beyond_the_bound_are_counted_together() -> None:
    page, tally = Page("touchpoints"), BatchTally()
    # Fewer names than a column may have.
    for number in range(MOST_CELLS + 10):
        tally.touched(0, f"persona {number % 19}", f"stage {number // 19 % 59}", f"type {number // 19 // 59}", None)
    for counted in tally.tables():
        page.add_sums(counted)
    assert len(page) == MOST_CELLS + 1
    assert page.cells()["other", "other", "other", "other"] == [10]


def test_keys_beyond_the_bound_are_counted_together_and_nothing_is_lost() -> None:
    page = Page("moves")
    page.add({(None, f"from {number}", "to", "timer", None): [1, 7, 1] for number in range(MOST_CELLS + 10)})
    assert len(page) == MOST_CELLS + 1
    assert page.cells()["other", "other", "other", "other", "other"] == [10, 70, 10]


def test_a_page_keeps_each_name_once_and_its_rows_in_the_order_of_arrival() -> None:
    page = Page("touchpoints")
    _touchpoints(page, (None, "a", "visit", "web"), ("student", "b", "visit", None), (None, "a", "visit", "web"))
    assert page.flat() == FlatSums(["a", "visit", "web", "student", "b"], [-1, 0, 1, 2, 2, 3, 4, 1, -1, 1])
