"""Pages: figures that add up, within bounds."""

import pytest

from etapa.journey.ledger.page import FlatPage, Page, page_of
from etapa.journey.ledger.tables import MOST_CELLS, MOST_NAMES, Key


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
    assert (cells[None, "a", "other", "web"], cells[None, "a", "type 3", None]) == ([52], [1])


def test_keys_beyond_the_bound_are_counted_together_and_nothing_is_lost() -> None:
    page = Page("moves")
    page.add({(None, f"from {number}", "to", "timer"): [1, 7] for number in range(MOST_CELLS + 10)})
    assert len(page) == MOST_CELLS + 1
    assert page.cells()["other", "other", "other", "other"] == [10, 70]


def test_a_page_is_written_down_in_an_order_of_its_own() -> None:
    page, other = Page("touchpoints"), Page("touchpoints")
    keys: list[Key] = [(None, "b", "visit", None), ("student", "a", "visit", "web"), (None, "a", "visit", "web")]
    _touchpoints(page, *keys)
    _touchpoints(other, *reversed(keys))
    assert page.flat() == other.flat()
    assert page.flat() == FlatPage(["a", "visit", "web", "b", "student"], [-1, 0, 1, 2, 1, -1, 3, 1, -1, 1, 4, 0, 1, 2, 1])
    assert page_of("touchpoints", page.flat()).cells() == page.cells()


@pytest.mark.parametrize(
    ("flat", "words"),
    [
        (FlatPage(["a"], [0, 0, 0, 0]), "4 numbers, which is not a multiple of 5"),
        (FlatPage(["a"], [0, 0, 1, 0, 1]), "1 names, but uses name number 1"),
        (FlatPage(["a"], [0, 0, -2, 0, 1]), "1 names, but uses name number -2"),
    ],
)
def test_lists_that_are_no_page_are_refused(flat: FlatPage, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        page_of("touchpoints", flat)
