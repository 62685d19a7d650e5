"""The report: figures for a span of time, as lists of flat objects."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple, TypeVar

from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.ledger.page import Page
from etapa.journey.ledger.periods import Grain, Period, coarser, end_of, grain_of, start_of
from etapa.journey.ledger.stays import bucket_end, bucket_start, quantile
from etapa.journey.ledger.tables import COLUMNS, FEELING_UNITS, OTHER, VALUE_UNITS, Figures, Key, Table, add_figures
from etapa.journey.units import SECOND

Row = dict[str, Any]
"""A flat JSON object. With periods, `period` comes first: `2026-11-21T10`, `2026-11-21` or `2026-11`, in UTC."""


class ReportQuery(NamedTuple):
    """What to report. Times are microseconds since 1970; none: from the beginning, or to the end."""

    since: int | None = None
    """The first instant."""
    until: int | None = None
    """The first instant after the span."""
    by: Grain | None = None
    """Report periods of this length separately, or longer ones if figures are kept for longer periods; none: all in one."""
    persona: str | None = None
    """Only customers of this persona; none: all customers."""


class LedgerReport(NamedTuple):
    """Figures of whole periods: a period that begins before or ends after the requested span makes the report inexact."""

    query: ReportQuery
    exact: bool
    """Whether everything counted lies within the requested span."""
    limited: bool
    """Whether some types or channels were counted as `other`, because there were too many."""
    tables: Mapping[str, Sequence[Row]]
    """By name: `moves`, `rules`, `ideal_way`, `detours`, `stages`, `stays`, `stay_histogram`, `touchpoints`, `feeling`, `campaigns`, `goals`, `personas`."""


_Place = tuple[Period | None, Key]
"""A period, if periods are reported separately, and the values of some columns."""
_Sums = dict[_Place, Figures]
_Told = TypeVar("_Told")


def report_of(ledger: JourneyLedger, query: ReportQuery, stages: Sequence[str] = ()) -> LedgerReport:
    """The report of `ledger` for `query`. `stages`: the order in which to list stages; others follow, by name."""
    read = _Reading(ledger, query, stages)
    moves = read.sums("moves", "from", "to", "cause")
    stays = read.sums("stays", "from", "to", "bucket")
    touchpoints = read.sums("touchpoints", "stage", "type", "channel")
    tables: dict[str, Sequence[Row]] = {
        "moves": [
            _row(("from", "to", "cause"), place, count=count, stay_seconds=stay / SECOND)
            for place, (count, stay, _) in read.sorted(moves, 2)
        ],
        "rules": [
            _row(("from", "to", "rule"), place, count=count)
            for place, (count, *_) in read.sorted(read.sums("moves", "from", "to", "rule"), 2)
            if place[1][0] is not None
        ],
        "ideal_way": [
            _row(("from", "to"), place, followed=followed, on_way=on_way, entered=steps, deviations=deviations)
            for place, (followed, on_way, _, steps, deviations, _) in read.sorted(read.sums("ways", "from", "to"), 2)
            if followed or on_way or steps
        ],
        "detours": [
            _row(("from", "to", "rule"), place, customers=customers, times=times, ended=ended)
            for place, (customers, times, ended, _) in read.sorted(read.sums("detours", "from", "to", "rule"), 2)
        ],
        "stages": list(_stages(read, moves, stays, touchpoints)),
        "stays": [_row(("from", "to"), place, **_stay_figures(found)) for place, found in read.sorted(_histograms(stays, 2), 2)],
        "stay_histogram": [] if query.by else list(_histogram(read, stays)),
        "touchpoints": [_row(("stage", "type", "channel"), place, count=count) for place, (count,) in read.sorted(touchpoints, 1)],
        "feeling": [_row(("stage",), place, **_feeling(figures)) for place, figures in read.sorted(read.sums("feeling", "stage"), 1)],
        "campaigns": [
            _row(("campaign", "outcome"), place, count=count)
            for place, (count,) in read.sorted(read.sums("campaigns", "campaign", "outcome"), 0)
        ],
        "goals": [
            _row(("campaign", "group"), place, **_goal(figures))
            for place, figures in read.sorted(read.sums("goals", "campaign", "group"), 0)
        ],
        "personas": list(_personas(read)),
    }
    return LedgerReport(query, read.exact, read.limited, tables)


class _Reading:
    """Sums over the pages that the requested span touches."""

    def __init__(self, ledger: JourneyLedger, query: ReportQuery, stages: Sequence[str]) -> None:
        self._ledger = ledger
        self._query = query
        self._order = {stage: place for place, stage in enumerate(stages)}
        self.exact = True
        self.limited = False

    def sums(self, table: Table, *columns: str, every_persona: bool = False) -> _Sums:
        """The figures of a table, by period and the named columns."""
        query, names = self._query, COLUMNS[table]
        places = [names.index(column) for column in columns]
        sums: _Sums = {}
        for period, page in self._pages(table):
            shown = None if query.by is None else coarser(period, query.by)
            for key, figures in page.cells().items():
                if query.persona is not None and not every_persona and key[0] != query.persona:
                    continue
                self.limited = self.limited or (table == "touchpoints" and OTHER in key[2:])
                place: _Place = (shown, tuple([key[each] for each in places]))
                there = sums.get(place)
                if there is None:
                    sums[place] = list(figures)
                else:
                    add_figures(there, figures)
        return sums

    def sorted(self, sums: Mapping[_Place, _Told], stages: int) -> list[tuple[_Place, _Told]]:
        """Sorted by period, then by the stages in the first `stages` columns, then by the other columns' names."""

        def order(each: tuple[_Place, _Told]) -> list[tuple[int, int, str]]:
            period, parts = each[0]
            found = [(0, 0 if period is None else start_of(period), "")]
            for place, part in enumerate(parts):
                if part is None:
                    found.append((-1, 0, ""))
                elif isinstance(part, int):
                    found.append((0, part, ""))
                else:
                    found.append((0, self._order.get(part, len(self._order)) if place < stages else 0, part))
            return found

        return sorted(sums.items(), key=order)

    def _pages(self, table: Table) -> Iterator[tuple[Period, Page]]:
        since, until = self._query.since, self._query.until
        for period, page in self._ledger.of(table):
            start, end = start_of(period), end_of(period)
            if (since is not None and end <= since) or (until is not None and start >= until):
                continue
            if (since is not None and start < since) or (until is not None and end > until):
                self.exact = False
            yield period, page


def _row(columns: Sequence[str], place: _Place, **figures: Any) -> Row:
    period, parts = place
    row: Row = {} if period is None else {"period": period, "grain": grain_of(period)}
    row.update(zip(columns, parts, strict=True))
    row.update(figures)
    return row


def _histograms(stays: _Sums, columns: int) -> dict[_Place, dict[int, int]]:
    """Stays by bucket, for each period and the first `columns` columns."""
    found: dict[_Place, dict[int, int]] = {}
    for (period, parts), (count,) in stays.items():
        counts = found.setdefault((period, parts[:columns]), {})
        bucket = int(parts[-1] or 0)
        counts[bucket] = counts.get(bucket, 0) + count
    return found


def _stay_figures(counts: Mapping[int, int]) -> Row:
    return {
        "count": sum(counts.values()),
        "median_seconds": _seconds(quantile(counts, 0.5)),
        "p90_seconds": _seconds(quantile(counts, 0.9)),
    }


def _histogram(read: _Reading, stays: _Sums) -> Iterator[Row]:
    for place, counts in read.sorted(_histograms(stays, 1), 1):
        for bucket in sorted(counts):
            bounds = {"at_least_seconds": bucket_start(bucket) / SECOND, "below_seconds": bucket_end(bucket) / SECOND}
            yield _row(("stage",), place, **bounds, count=counts[bucket])


def _stages(read: _Reading, moves: _Sums, stays: _Sums, touchpoints: _Sums) -> Iterator[Row]:
    found: dict[_Place, Figures] = {}
    for (period, (source, to, _)), (count, stay, first) in moves.items():
        add_figures(found.setdefault((period, (to,)), [0] * 6), [count, 0, count if source is None else 0, 0, 0, first])
        if source is not None:
            add_figures(found.setdefault((period, (source,)), [0] * 6), [0, count, 0, stay, 0, 0])
    for (period, (stage, _, _)), (count,) in touchpoints.items():
        add_figures(found.setdefault((period, (stage,)), [0] * 6), [0, 0, 0, 0, count, 0])
    histograms = _histograms(stays, 1)
    for place, (entered, left, new, stay, touched, first) in read.sorted(found, 1):
        counts = histograms.get(place, {})
        yield _row(
            ("stage",),
            place,
            entered=entered,
            new=new,
            first=first,
            left=left,
            touchpoints=touched,
            stay_seconds=stay / SECOND,
            median_stay_seconds=_seconds(quantile(counts, 0.5)),
            p90_stay_seconds=_seconds(quantile(counts, 0.9)),
        )


def _feeling(figures: Figures) -> Row:
    count, total, squares = figures
    # In whole numbers, because floating point is at its worst with the difference of two large squares.
    spread = count * squares - total * total
    return {
        "count": count,
        "sum": total / FEELING_UNITS,
        "sum_of_squares": squares / FEELING_UNITS**2,
        "mean": total / count / FEELING_UNITS,
        "standard_deviation": None if count < 2 else sqrt(spread / (count * (count - 1))) / FEELING_UNITS,
    }


def _goal(figures: Figures) -> Row:
    customers, ended, met, total, squares = figures
    return {
        "customers": customers,
        "ended": ended,
        "met": met,
        "value_sum": total / VALUE_UNITS,
        "value_sum_of_squares": squares / VALUE_UNITS**2,
    }


def _personas(read: _Reading) -> Iterator[Row]:
    found: dict[_Place, Figures] = {}
    for place, (count, *_) in read.sums("moves", "persona", every_persona=True).items():
        add_figures(found.setdefault(place, [0, 0, 0]), [count, 0, 0])
    for (period, (persona, source)), (count, *_) in read.sums("moves", "persona", "from", every_persona=True).items():
        if source is None:
            add_figures(found[period, (persona,)], [0, count, 0])
    for place, (count,) in read.sums("touchpoints", "persona", every_persona=True).items():
        add_figures(found.setdefault(place, [0, 0, 0]), [0, 0, count])
    for place, (changes, new, touched) in read.sorted(found, 0):
        yield _row(("persona",), place, new=new, stage_changes=changes, touchpoints=touched)


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / SECOND
