"""The contents of a stage's column: design and measurements, side by side."""

from collections.abc import Mapping, Sequence

from etapa.journey.language.design.parts import StageDesign
from etapa.journey.language.model import Journey
from etapa.journey.map.document import MapChannel, MapPoint, MapStay, MapStayPiece, MapTouchpoint
from etapa.journey.map.figures import Figures
from etapa.journey.units import SECOND

Words = Mapping[str, str]


def channels_of(journey: Journey, design: StageDesign, figures: Figures, stage: str) -> Sequence[MapChannel]:
    """The channels that are used, busiest first, then those that are only designed."""
    catalogue = {each.id: each for each in journey.design.channels}
    counts: dict[str | None, int] = {}
    for row in figures.rows("touchpoints", stage=stage):
        counts[row["channel"]] = counts.get(row["channel"], 0) + row["count"]
    designed = {each.channel for each in design.touchpoints if each.channel is not None}
    for meant in designed:
        counts.setdefault(meant, 0)
    total = sum(counts.values())
    found = []
    for channel, count in sorted(counts.items(), key=lambda each: (-each[1], each[0] or "")):
        known = catalogue.get(channel) if channel is not None else None
        label = {} if known is None else known.label
        kind = None if known is None else known.kind
        share = count / total if total else 0.0
        counted = (count, share) if figures.counts("touchpoints") else (None, None)
        found.append(MapChannel(channel, label, kind, channel in designed, *counted))
    return found


def touchpoints_of(journey: Journey, design: StageDesign, figures: Figures, stage: str) -> Sequence[MapTouchpoint]:
    """The designed touchpoints, in the order of the file, then all others that happen, most frequent first."""
    labels = {each.id: each.label for each in journey.design.types}
    counts: dict[tuple[str, str | None], int] = {}
    for row in figures.rows("touchpoints", stage=stage):
        counts[row["type"], row["channel"]] = counts.get((row["type"], row["channel"]), 0) + row["count"]
    found = []
    # A touchpoint designed for one channel takes its share before one designed for any channel.
    for each in sorted(design.touchpoints, key=lambda touchpoint: touchpoint.channel is None):
        meant = [key for key in counts if key[0] == each.type and each.channel in (None, key[1])]
        channels = {key[1]: counts.pop(key) for key in meant}
        count = sum(channels.values())
        label = each.label or labels.get(each.type, {})
        known = count if figures.counts("touchpoints") else None
        found.append(
            MapTouchpoint(each.type, each.channel, label, each.is_visible, designed=True, count=known, by_channel=_named(channels))
        )
    places = {(each.type, each.channel): place for place, each in enumerate(design.touchpoints)}
    found.sort(key=lambda each: places[each.type, each.channel])
    hidden = {each.type for each in design.touchpoints if not each.is_visible}
    for (kind, channel), count in sorted(counts.items(), key=lambda each: (-each[1], each[0][0], each[0][1] or "")):
        label, seen = labels.get(kind, {}), kind not in hidden
        found.append(MapTouchpoint(kind, channel, label, seen, designed=False, count=count, by_channel=_named({channel: count})))
    return found


def _named(counts: Mapping[str | None, int]) -> Mapping[str, int]:
    return {channel: count for channel, count in counts.items() if channel is not None}


def points_of(journey: Journey, design: StageDesign) -> Sequence[MapPoint]:
    labels = {each.id: each.label for each in journey.design.types}
    return [MapPoint(each.kind, each.at, labels.get(each.at or "", {}), each.note, each.why, each.how) for each in design.points]


def stay_of(design: StageDesign, figures: Figures, stage: str) -> MapStay:
    """How long the customers who left the stage had stayed."""
    row = next(iter(figures.rows("stages", stage=stage)), None)
    promise = None if design.promise is None or design.promise.within is None else design.promise.within / SECOND
    pieces = [
        MapStayPiece(each["at_least_seconds"], each["below_seconds"], each["count"]) for each in figures.rows("stay_histogram", stage=stage)
    ]
    if row is None:
        return MapStay(0, None, None, promise, pieces)
    return MapStay(row["left"], row["median_stay_seconds"], row["p90_stay_seconds"], promise, pieces)
