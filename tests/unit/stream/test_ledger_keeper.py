"""The ledger of an owned partition: pages of a transaction, folding, and what a lagging view still has."""

import asyncio
from collections.abc import Mapping

import pytest

from etapa.contracts.rfc3339 import parse_time
from etapa.contracts.stored.ledger_page import (
    LEDGER_PREFIX,
    decode_bundle,
    encode_bundle,
    field_of,
    is_compressed,
    is_page_key,
    page_key_of,
)
from etapa.contracts.stored.mark import MARK_KEY, is_customer_key
from etapa.contracts.stored.state import StateError
from etapa.journey.ledger.bundle import Bundle
from etapa.journey.ledger.page import PageKey
from etapa.journey.ledger.periods import period_of
from etapa.journey.ledger.tables import Figures, Key
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import DAY, HOUR
from etapa.stream.protocol.ledger_keeper import (
    MOST_COMPRESSED,
    MOST_OPEN,
    MOST_UNCOMPRESSED,
    LedgerKeeper,
    LedgerPages,
    ledger_of,
    ledger_records,
)
from etapa.stream.protocol.readers import LedgerPart
from tests.support.counted_sums import sums_of

NOON = parse_time("2026-11-21T12:00:00Z")


def touched(*times: int) -> BatchTally:
    tally = BatchTally()
    for at in times:
        tally.touched(at, None, "a", "visit", "web")
    return tally


def enter(keeper: LedgerKeeper, tally: BatchTally, now: int) -> LedgerPages:
    return asyncio.run(keeper.enter(tally, now, lambda: asyncio.sleep(0)))


def kept(shown: dict[bytes, bytes], pages: LedgerPages) -> dict[bytes, bytes]:
    """What the view holds after these pages."""
    return {field: value for field, value in {**shown, **pages}.items() if value is not None}


def read(field: bytes, value: bytes) -> Bundle:
    key = page_key_of(field)
    assert key is not None
    return decode_bundle(key, value)


def cells(field: bytes, value: bytes) -> dict[str, Mapping[Key, Figures]]:
    return {period: page.cells() for period, page in read(field, value).pages().items()}


def counts(shown: dict[bytes, bytes]) -> dict[bytes, int]:
    return {field: sum(each[0] for page in cells(field, value).values() for each in page.values()) for field, value in shown.items()}


def test_each_batch_writes_the_whole_page_of_each_hour_that_it_counts_in() -> None:
    keeper = LedgerKeeper({}, None)
    shown = kept({}, enter(keeper, touched(NOON, NOON - HOUR), NOON))
    second = enter(keeper, touched(NOON), NOON)
    assert list(second) == [b"touchpoints 2026-11-21T12"]
    assert counts(kept(shown, second)) == {b"touchpoints 2026-11-21T12": 2, b"touchpoints 2026-11-21T11": 1}


def test_a_successor_counts_on_from_what_the_view_holds() -> None:
    shown = kept({}, enter(LedgerKeeper({}, None), touched(NOON), NOON))
    shown = kept(shown, enter(LedgerKeeper(shown, NOON), touched(NOON, NOON), NOON))
    assert counts(shown) == {b"touchpoints 2026-11-21T12": 3}


def test_it_knows_how_many_customers_each_group_of_a_campaign_has_and_so_does_a_successor() -> None:
    keeper, shown, tally = LedgerKeeper({}, None), dict[bytes, bytes](), BatchTally()
    for persona in (None, "student"):
        tally.clear()
        for number in range(3):
            tally.enrolled(NOON - number * HOUR, persona, "hello", holdout=number == 2)
        tally.ended(NOON, persona, "hello", holdout=False, met=True, value=None)
        shown = kept(shown, enter(keeper, tally, NOON))
    assert keeper.enrolled == {("hello", "sent"): 4, ("hello", "holdout"): 2}
    assert LedgerKeeper(shown, NOON).enrolled == keeper.enrolled
    tally.clear()
    enter(keeper, tally, NOON)
    assert keeper.enrolled == {("hello", "sent"): 4, ("hello", "holdout"): 2}


def test_hours_before_the_last_ones_are_put_together_in_the_record_of_their_day() -> None:
    keeper, evening, key = LedgerKeeper({}, None), NOON + 6 * HOUR, (None, "a", "visit", "web")
    shown = kept({}, enter(keeper, touched(NOON - HOUR, NOON, NOON), NOON))
    shown = kept(shown, enter(keeper, touched(evening - 1), evening - 1))
    assert list(shown) == [b"touchpoints 2026-11-21T11", b"touchpoints 2026-11-21T12", b"touchpoints 2026-11-21T17"]
    # A day has some of its hours in its own record and others beside it, and each counts once.
    some = enter(keeper, touched(evening), evening)
    assert some[b"touchpoints 2026-11-21T11"] is None
    shown = kept(shown, some)
    assert cells(b"touchpoints 2026-11-21", shown[b"touchpoints 2026-11-21"]) == {"2026-11-21T11": {key: [1]}}
    told = ledger_of([LedgerPart(shown, evening)])
    assert {period: page.cells()[key] for period, page in told.of("touchpoints")} == {
        "2026-11-21T11": [1],
        "2026-11-21T12": [2],
        "2026-11-21T17": [1],
        "2026-11-21T18": [1],
    }
    shown = kept(shown, enter(keeper, BatchTally(), evening + 12 * HOUR))
    # What is late counts in its hour.
    shown = kept(shown, enter(LedgerKeeper(shown, evening + 12 * HOUR), touched(NOON, NOON + HOUR), evening + 12 * HOUR))
    assert list(shown) == [b"touchpoints 2026-11-21"]
    assert cells(b"touchpoints 2026-11-21", shown[b"touchpoints 2026-11-21"]) == {
        "2026-11-21T11": {key: [1]},
        "2026-11-21T12": {key: [3]},
        "2026-11-21T13": {key: [1]},
        "2026-11-21T17": {key: [1]},
        "2026-11-21T18": {key: [1]},
    }


def test_a_day_by_hours_becomes_a_whole_day_in_the_record_of_its_month() -> None:
    keeper = LedgerKeeper({}, None)
    shown = kept({}, enter(keeper, touched(NOON, NOON + HOUR), NOON + 14 * DAY))
    assert list(cells(*next(iter(shown.items())))) == ["2026-11-21T12", "2026-11-21T13"]
    folded = enter(LedgerKeeper(shown, NOON + 14 * DAY), BatchTally(), NOON + 15 * DAY)
    assert folded[b"touchpoints 2026-11-21"] is None
    assert {field: cells(field, value) for field, value in kept({}, folded).items()} == {
        b"touchpoints 2026-11": {"2026-11-21": {(None, "a", "visit", "web"): [2]}}
    }


def test_hours_that_grow_old_are_removed_in_the_batch_that_writes_their_day() -> None:
    keeper = LedgerKeeper({}, None)
    shown = kept({}, enter(keeper, touched(NOON, NOON + HOUR), NOON + HOUR))
    folded = enter(keeper, touched(NOON + 20 * DAY), NOON + 20 * DAY)
    assert {field for field, value in folded.items() if value is None} == {b"touchpoints 2026-11-21T12", b"touchpoints 2026-11-21T13"}
    assert counts(kept(shown, folded)) == {b"touchpoints 2026-11": 2, b"touchpoints 2026-12-11T12": 1}
    assert enter(keeper, BatchTally(), NOON + 20 * DAY + 1) == {}


def test_days_share_the_record_of_their_month_until_they_are_kept_no_longer() -> None:
    key, month = (None, "a", "visit", "web"), b"touchpoints 2026-11"
    shown = kept({}, enter(LedgerKeeper({}, None), touched(NOON, NOON + DAY), NOON + 14 * DAY))
    assert list(shown) == [b"touchpoints 2026-11-21", b"touchpoints 2026-11-22"]
    put_together = enter(LedgerKeeper(shown, NOON + 14 * DAY), BatchTally(), NOON + 33 * DAY)
    assert put_together[b"touchpoints 2026-11-21"] is None
    lagging, shown = shown, kept(shown, put_together)
    # What is late counts in its day.
    shown = kept(shown, enter(LedgerKeeper(shown, NOON + 33 * DAY), touched(NOON, NOON - DAY), NOON + 33 * DAY))
    assert list(shown) == [month]
    days = {"2026-11-20": {key: [1]}, "2026-11-21": {key: [2]}, "2026-11-22": {key: [1]}}
    assert cells(month, shown[month]) == days
    # A view that still has the days beside their month counts none of them twice.
    again = enter(LedgerKeeper({**lagging, **shown}, NOON + 33 * DAY), touched(NOON), NOON + 33 * DAY)
    assert again.keys() == {*lagging, month}
    assert counts(kept({**lagging, **shown}, again)) == {month: 5}
    # Until the whole month is too old.
    folded = enter(LedgerKeeper(shown, NOON + 33 * DAY), BatchTally(), NOON + 808 * DAY)
    assert folded == {}
    folded = enter(LedgerKeeper(shown, NOON + 33 * DAY), BatchTally(), NOON + 810 * DAY)
    assert cells(month, folded[month] or b"") == {"2026-11": {key: [4]}}


def test_hours_that_a_view_still_has_beside_their_day_count_nowhere_and_are_removed() -> None:
    keeper = LedgerKeeper({}, None)
    before = kept({}, enter(keeper, touched(NOON), NOON))
    after = kept(before, enter(keeper, BatchTally(), NOON + 20 * DAY))
    # Compaction has forgotten that the hour was removed.
    left = LedgerKeeper({**before, **after}, NOON + 20 * DAY)
    pages = enter(left, touched(NOON), NOON + 20 * DAY)
    assert pages[b"touchpoints 2026-11-21T12"] is None
    assert counts(kept({**before, **after}, pages)) == {b"touchpoints 2026-11": 2}


def test_the_latest_pages_stay_open_up_to_a_number_of_cells_and_none_is_forgotten() -> None:
    keeper, shown = LedgerKeeper({}, None), dict[bytes, bytes]()
    many, times = MOST_OPEN // 20, [NOON - 31 * month * DAY for month in range(30)]
    for each in (times, reversed(times)):
        for at in each:
            tally = BatchTally()
            for number in range(many):
                tally.touched(at, None, f"stage {number}", "visit", "web")
            shown = kept(shown, enter(keeper, tally, NOON))
            assert sum(map(len, keeper._open.values())) == min((len(keeper._open)) * many, MOST_OPEN)
    kept_open = sorted([field_of(key) for key in keeper._open])
    assert kept_open == sorted(shown)[-20:]
    assert set(counts(shown).values()) == {2 * many}


def test_a_page_that_grows_too_large_to_stay_open_counts_on() -> None:
    keeper, tally, before = LedgerKeeper({}, None), BatchTally(), NOON - 3 * DAY
    for number in range(MOST_OPEN + 2):
        tally.touched(before + number % 2 * HOUR, None, f"stage {number // 2}", "visit", "web")
    shown = kept({}, enter(keeper, tally, NOON))
    assert not keeper._open
    assert counts(kept(shown, enter(keeper, touched(before), NOON))) == {b"touchpoints 2026-11-18": MOST_OPEN + 3}


def test_a_batch_that_counts_in_dozens_of_months_compresses_few_of_them_at_once() -> None:
    keeper = LedgerKeeper({}, None)
    days = [NOON - (40 + 31 * month) * DAY for month in range(3 * MOST_COMPRESSED)]
    first = enter(keeper, touched(*days), NOON)
    shown = kept({}, first)
    assert len(keeper._waiting) == len(days)
    # What it changes will change again; of what waits besides, it takes one.
    second = enter(keeper, touched(*days[:-2], days[-1]), NOON)
    assert list(second) == sorted(first)
    assert len(keeper._waiting) == len(days) - 1
    assert [field for field, value in second.items() if is_compressed(value or b"")] == [
        b"touchpoints " + period_of(days[-2], "month").encode()
    ]
    shown = kept(shown, second)
    third = enter(keeper, touched(days[0]), NOON)
    assert len(third) == MOST_COMPRESSED
    assert len(keeper._waiting) == len(days) - 1 - MOST_COMPRESSED
    # Somebody who takes over goes on with it.
    keeper = LedgerKeeper(kept(shown, third), NOON)
    assert len(keeper._waiting) == len(days) - 1 - MOST_COMPRESSED
    while keeper._waiting:
        shown = kept(shown, third)
        third = enter(keeper, BatchTally(), NOON)
    shown = kept(shown, third)
    assert enter(keeper, BatchTally(), NOON) == {}
    assert sorted(counts(shown).values()) == [1, *[2] * (len(days) - 2), 3]
    assert all(is_compressed(value) for value in shown.values())


def test_a_table_of_a_later_version_is_left_alone() -> None:
    later = {b"dreams 2026-11-21T12": b"whatever"}
    assert enter(LedgerKeeper(later, NOON), touched(NOON), NOON + 20 * DAY).keys() == {b"touchpoints 2026-11"}


@pytest.mark.parametrize("field", [b"moves", b"moves 2026", b"moves yesterday", b"\xff 2026-11"])
def test_what_is_no_page_is_refused(field: bytes) -> None:
    with pytest.raises(StateError, match="is not a page of the ledger"):
        LedgerKeeper({field: b""}, NOON)


def test_a_page_is_written_down_and_read_again_however_large_its_sums() -> None:
    figures: dict[Key, Figures] = {(None, "a"): [3, -5, 2**80], ("student", "a"): [1, 5, 25]}
    day, hours = Bundle("feeling", "2026-11-21"), Bundle("feeling", "2026-11-21")
    day.add("2026-11-21", sums_of("feeling", figures))
    hours.add("2026-11-21T07", sums_of("feeling", figures))
    hours.add("2026-11-21T05", sums_of("feeling", {("student", "b"): [1, 0, 0]}))
    for bundle in (day, hours):
        for compressed in (False, True):
            again = cells(b"feeling 2026-11-21", encode_bundle(bundle, compressed=compressed))
            assert again == {period: page.cells() for period, page in bundle.pages().items()}


def test_pages_of_days_are_compressed_and_those_of_hours_are_not() -> None:
    keeper, tally = LedgerKeeper({}, None), BatchTally()
    for number in range(150):
        tally.touched(NOON, None, f"stage {number % 6}", f"type {number}", "web")
    hour = enter(keeper, tally, NOON)[b"touchpoints 2026-11-21T12"]
    hours = enter(keeper, BatchTally(), NOON + 2 * DAY)[b"touchpoints 2026-11-21"]
    days = enter(keeper, BatchTally(), NOON + 20 * DAY)[b"touchpoints 2026-11"]
    assert hour is not None
    for field, value in ((b"touchpoints 2026-11-21", hours), (b"touchpoints 2026-11", days)):
        assert value is not None
        assert is_compressed(value)
        assert len(value) < len(hour) / 2
        assert list(cells(field, value).values()) == [*cells(b"touchpoints 2026-11-21T12", hour).values()]


def test_a_large_day_is_compressed_however_many_are_written_with_it() -> None:
    tally = BatchTally()
    for number in range(MOST_UNCOMPRESSED + 1):
        at = NOON + (number % 24 - 12) * HOUR
        tally.touched(at, None, f"stage {number // 3600}", f"type {number // 24 % 150}", "web")
    for day in range(MOST_COMPRESSED):
        tally.touched(NOON - (9 - day) * DAY, None, "a", "visit", "web")
    written = enter(LedgerKeeper({}, None), tally, NOON + 3 * DAY)
    assert len(written) == MOST_COMPRESSED + 1
    assert len(written[b"touchpoints 2026-11-21"] or b"") < MOST_UNCOMPRESSED


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"", "not a page"),
        (b"\x93\x02\xc2\x90", "format 2; this version reads format 1"),
        (b"\x93\x01\xc2\x92\x90\x91\x01", "not a multiple of 5"),
        (b"\x93\x01\xc2\xc4\x01x", "not a page"),
    ],
)
def test_bytes_that_are_no_page_are_refused(value: bytes, words: str) -> None:
    with pytest.raises(StateError, match=words):
        read(b"feeling 2026-11-21", value)


def test_its_records_are_nobodys_state() -> None:
    key = PageKey("moves", "2026-11-21T12")
    [record] = ledger_records({field_of(key): b"page"})
    assert record.key == LEDGER_PREFIX + b"moves 2026-11-21T12"
    assert page_key_of(field_of(key)) == key
    assert (is_page_key(record.key), is_customer_key(record.key), is_customer_key(MARK_KEY), is_customer_key(b"anna")) == (
        True,
        False,
        False,
        True,
    )
    with pytest.raises(UnicodeDecodeError):
        record.key.decode()
