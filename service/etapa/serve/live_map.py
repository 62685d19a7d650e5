"""The current journey map of the whole installation: the design beside the figures from all ledgers."""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from etapa.journey.language.model import Journey
from etapa.journey.ledger.ledger import JourneyLedger
from etapa.journey.ledger.periods import start_of
from etapa.journey.ledger.report import ReportQuery, report_of
from etapa.journey.ledger.trends import trends_of
from etapa.journey.map.draw import draw
from etapa.journey.map.figures import Figures
from etapa.journey.map.rules_told import RulesTold
from etapa.journey.map.ways import ShownSpan, population_of, reached_of, ways_of
from etapa.languages.read import languages
from etapa.serve.ports import StageReader
from etapa.stream.protocol.ledger_keeper import ledger_of
from etapa.stream.protocol.readers import LedgerParts
from etapa.uplift.on_the_map import campaign_effects

FRESH_SECONDS: Final = 1.0
"""The shortest time for which a map is reused before it is drawn again."""
_SHARE: Final = 20
"""It is also reused for this many times as long as it took to draw, so that a large ledger takes at most a twentieth of a worker."""
_MOST_KEPT: Final = 16


class LiveFigures(msgspec.Struct, frozen=True):
    """The figures of a map that change from second to second."""

    stages: Mapping[str, int]
    """Customers by stage."""


class DrawnMap(NamedTuple):
    """A map as JSON, also compressed: a hundred pages ask for the same one, so it is compressed only once."""

    plain: bytes
    gzipped: bytes


_NOTHING: Final = DrawnMap(b"", b"")


class LiveMap:
    """Draws the map from the view, one map at a time."""

    def __init__(self, journey: Journey, reader: StageReader, now: Callable[[], int]) -> None:
        """`now` returns the time, in microseconds since 1970."""
        self._journey = journey
        self._reader = reader
        self._now = now
        self._stages = [stage.id for stage in journey.stages]
        self._has_ideal_way = journey.design.frame is not None and bool(journey.design.frame.ideal)
        self._drawing = asyncio.Lock()
        self._kept: dict[ReportQuery, tuple[float, DrawnMap]] = {}

    async def drawn(self, query: ReportQuery) -> DrawnMap:
        """The whole map. Raises `ViewError` when the view does not answer, and `StateError` when the ledger cannot be read."""
        clock = asyncio.get_running_loop().time
        async with self._drawing:
            good_until, kept = self._kept.get(query, (0.0, _NOTHING))
            began = clock()
            if began < good_until:
                return kept
            counts = (await self._reader.stage_counts()).counts
            # Where customers of a persona are, and who is on the ideal way, can only be counted from the very beginning.
            found = await self._reader.ledger(None if self._needs_the_beginning(query) else query.since, query.until)
            # In a thread: the event loop belongs to the worker.
            drawn = await asyncio.to_thread(self._encoded, found, query, counts)
            ended = clock()
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[query] = (ended + max(FRESH_SECONDS, _SHARE * (ended - began)), drawn)
            return drawn

    def _needs_the_beginning(self, query: ReportQuery) -> bool:
        return query.persona is not None or self._has_ideal_way

    async def figures(self) -> LiveFigures:
        """Only its changing figures. Raises `ViewError` when the view does not answer."""
        counts = (await self._reader.stage_counts()).counts
        return LiveFigures({stage: counts.get(stage, 0) for stage in self._stages})

    def _encoded(self, found: LedgerParts, query: ReportQuery, counts: Mapping[str, int]) -> DrawnMap:
        ledger = ledger_of(found.parts)
        report = report_of(ledger, query, self._stages)
        if query.persona is not None:
            counts = population_of(ledger, self._stages, ShownSpan(None, None, query.persona))
        begins = query.since if query.since is not None else _first(ledger)
        ends = None if begins is None else query.until if query.until is not None else self._now()
        # While nobody has moved yet, a list of what never happened would say nothing.
        tables = report.tables if begins is not None else {}
        trends = {} if begins is None or ends is None else trends_of(ledger, query.persona, counts, begins, ends)
        effects = campaign_effects(self._journey, ledger) if query._replace(by=None) == ReportQuery() else {}
        figures = Figures(
            tables=tables,
            persona=query.persona,
            begins=begins,
            ends=ends,
            is_part=query.since is not None,
            exact=report.exact,
            population=counts,
            trends=trends,
            way=None if ends is None or not self._has_ideal_way else ways_of(ledger, ShownSpan(query.since, ends, query.persona)),
            effects=effects,
        )
        reached = None if ends is None else reached_of(ledger, self._stages, ShownSpan(query.since, ends, query.persona))
        plain = msgspec.json.encode(draw(self._journey, self.rules, figures, reached)) + b"\n"
        return DrawnMap(plain, gzip.compress(plain, compresslevel=6, mtime=0))

    @cached_property
    def rules(self) -> RulesTold:
        """The journey's rules as sentences."""
        # Only people need sentences, so a worker starts without them.
        return RulesTold(self._journey, languages())


def _first(ledger: JourneyLedger) -> int | None:
    return min((start_of(period) for period, _ in ledger.of("moves")), default=None)
