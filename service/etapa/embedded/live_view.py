"""The demo in a terminal: one picture after another, drawn from plain data. It knows nothing about brokers, Redis or time."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.contracts.rfc3339 import moment_of
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.language.model import Journey, Stage

_PHASE_COLOURS = ("cyan", "yellow", "magenta", "green", "blue")
_BAR_PARTS = " ▏▎▍▌▋▊▉"
_ROWS_BESIDE_CHANGES = 10
_MOST_CAMPAIGNS = 4
"""Lines of the picture besides stages and changes."""


_OUTCOMES = {
    "holdout": "in the holdout group",
    "consent": "without consent",
    "when": "not meant",
    "once": "reached before",
    "cooldown": "too soon after the last",
    "cap": "over the cap",
    "held": "held for the quiet time",
    "quiet": "in the quiet time",
    "withdrawn": "withdrawn",
}
"""The outcomes of a stage change that is offered to a campaign, in words for the screen."""


class Picture(NamedTuple):
    """What the screen shows at one moment. Rates are per second, delays in seconds."""

    journey: Journey
    shop_time: int
    """Microseconds since 1970."""
    shop_days_per_second: float
    customers: Mapping[str, int]
    """Customers in each stage."""
    grown: Mapping[str, int]
    """By how many customers each stage grew (or shrank) in the last seconds."""
    touchpoints: int
    rate: float
    stage_changes: int
    duplicates: int
    campaigns: Mapping[str, Mapping[str, int]]
    """Stage changes offered to each campaign, by outcome."""
    dead_letters: Mapping[str, int]
    held_back: bool
    """Whether the shoppers are held back because the worker is slower."""
    median_delay: float | None
    longest_delay: float | None
    """99 of 100 delays were shorter than this."""
    recent: Sequence[StageChangeMessage]
    """Some of the latest changes, newest first."""
    url: str
    """Where the worker serves its page, its API and its metrics; ends with a slash."""
    status: str
    """What is going on, and how to end it."""
    remark: str
    """Remarks on the parts in use."""


def draw(picture: Picture, width: int, height: int) -> RenderableType:
    """Draw the picture, at most `width` by `height` characters in size."""
    stages = _stages(picture, width)
    campaigns = _campaigns(picture)
    room = height - _ROWS_BESIDE_CHANGES - len(picture.journey.stages) - len(campaigns)
    parts: list[RenderableType] = [
        _title(picture),
        Text(),
        stages,
        Text(),
        _figures(picture),
        _flaws(picture),
        *campaigns,
        Text(),
    ]
    if room > 0:
        parts += [Text("Latest moves, and why", style="bold"), _changes(picture, width, room), Text()]
    parts += [_places(picture), _bottom(picture)]
    return Group(*parts)


def line(picture: Picture) -> str:
    """The picture in one line, for when nothing can be drawn."""
    stages = "  ".join(f"{stage.id} {picture.customers.get(stage.id, 0):,}" for stage in picture.journey.stages)
    delay = seconds_as_text(picture.median_delay)
    return f"{picture.touchpoints:,} touchpoints, {picture.rate:,.0f} a second, delay {delay} | {stages}"


def why(change: StageChangeMessage) -> str:
    """The reason for a change in a few words: what held, and what was seen if that adds anything."""
    if not change.because:
        return "first touchpoint" if change.source is None else change.cause
    clauses = ", ".join(map(_clause, change.because))
    return f"time passed: {clauses}" if change.cause == "timer" else clauses


def _clause(clause: Clause) -> str:
    condition, observed = clause.condition, clause.observed
    # The seconds in a stage are a number too, but add nothing new.
    if isinstance(observed, int | float) and not condition.startswith("in_stage("):
        return f"{condition} ({observed:g})"
    if isinstance(observed, str) and condition.startswith("event("):
        # Of all types that the rule accepts, only the one that came matters here.
        _, where, rest = condition.partition(" where ")
        return f"event({observed}{where}{rest or ')'}"
    return condition


def seconds_as_text(seconds: float | None) -> str:
    """A delay for people: `-`, `12 ms` or `1.4 s`."""
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _title(picture: Picture) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True)
    line.add_column(justify="right", no_wrap=True)
    journey = picture.journey
    line.add_row(
        Text.assemble(("Etapa", "bold"), f"  journey {journey.id} v{journey.version}"),
        Text.assemble("customers' time ", (_moment(picture), "bold"), _pace(picture.shop_days_per_second)),
    )
    return line


def _moment(picture: Picture) -> str:
    moment = moment_of(picture.shop_time)
    return f"{moment:%d %b %Y}" if picture.shop_days_per_second >= 1 else f"{moment:%d %b %Y %H:%M}"


def _pace(days_per_second: float) -> tuple[str, str]:
    if days_per_second >= 1:
        return f", {days_per_second:.0f} days a second", "dim"
    hours = days_per_second * 24
    return (f", {hours:.1f} hours a second" if hours >= 1 else f", {hours * 60:.0f} minutes a second"), "dim"


def _stages(picture: Picture, width: int) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    narrow, wide = width < 60, width >= 100
    if not narrow:
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=width // 2)
    if wide:
        table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True, min_width=5)
    total = sum(picture.customers.values())
    largest = max([1, *picture.customers.values()])
    colours = _colours(picture.journey)
    phase_before: str | None = None
    for stage in picture.journey.stages:
        count = picture.customers.get(stage.id, 0)
        colour = colours[stage.phase]
        phase = stage.phase or ""
        cells: list[RenderableType] = [] if narrow else [Text("" if phase == phase_before else phase, style=colour)]
        cells.append(Text(_label(stage, "en"), style="bold"))
        if wide:
            cells.append(Text(_label(stage, "es") if "es" in stage.label else ""))
        cells += [
            _Bar(count / largest, colour),
            Text.assemble((f"{count:,}", "bold"), (f" {count / total:>4.0%}" if total else "", "dim")),
            _grown(picture.grown.get(stage.id, 0)),
        ]
        table.add_row(*cells)
        phase_before = phase
    return table


class _Bar:
    """A bar with a resolution of an eighth of a character; its width is a share of the space available."""

    def __init__(self, share: float, colour: str) -> None:
        self._share = share
        self._colour = colour

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole, part = divmod(round(self._share * options.max_width * 8), 8)
        yield Text("█" * whole + (_BAR_PARTS[part] if part else ""), style=self._colour, no_wrap=True)


def _colours(journey: Journey) -> dict[str | None, str]:
    phases = dict.fromkeys(stage.phase for stage in journey.stages)
    return {phase: _PHASE_COLOURS[place % len(_PHASE_COLOURS)] for place, phase in enumerate(phases)}


def _label(stage: Stage, language: str) -> str:
    return stage.label.get(language) or stage.label.get("mul", stage.id)


def _grown(by: int) -> Text:
    if not by:
        return Text("")
    return Text(f"{by:+,}", style="green" if by > 0 else "red")


def _figures(picture: Picture) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{picture.touchpoints:,}", style="bold").append(" touchpoints, ")
    line.append(f"{picture.rate:,.0f}", style="bold").append("/s  ")
    line.append(f"{picture.stage_changes:,}", style="bold").append(" stage changes  ")
    line.append("delay ").append(seconds_as_text(picture.median_delay), style="bold")
    if picture.longest_delay is not None:
        line.append(f", 99 % within {seconds_as_text(picture.longest_delay)}", style="dim")
    return line


def _flaws(picture: Picture) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{picture.duplicates:,}", style="bold").append(" duplicates dropped  ")
    dead_letters = sum(picture.dead_letters.values())
    line.append(f"{dead_letters:,}", style="bold").append(" dead letters")
    if dead_letters:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(picture.dead_letters.items()))
        line.append(f": {reasons}", style="dim")
    if picture.held_back:
        line.append("  the customers wait for the worker", style="yellow")
    return line


def _campaigns(picture: Picture) -> list[Text]:
    """A line for each campaign that was offered any change, busiest first."""
    busiest = sorted(picture.campaigns.items(), key=lambda item: (-item[1].get("published", 0), item[0]))
    lines = []
    for campaign, outcomes in [each for each in busiest if any(each[1].values())][:_MOST_CAMPAIGNS]:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{outcomes.get('published', 0):,}", style="bold").append(f" triggers of campaign {campaign}")
        told = ", ".join(f"{outcomes[outcome]:,} {words}" for outcome, words in _OUTCOMES.items() if outcomes.get(outcome))
        if told:
            line.append(f"; {told}", style="dim")
        lines.append(line)
    return lines


def _changes(picture: Picture, width: int, room: int) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    labels = {stage.id: _label(stage, "en") for stage in picture.journey.stages}
    colours = _colours(picture.journey)
    colour_of = {stage.id: colours[stage.phase] for stage in picture.journey.stages}
    # They come from many partitions, and are easier to follow in the order of the customers' time.
    latest_first = sorted(picture.recent[:room], key=lambda change: change.at, reverse=True)
    for place in range(room):
        if place >= len(latest_first):
            table.add_row("", "", "", "")
            continue
        change = latest_first[place]
        source = "new" if change.source is None else labels.get(change.source, change.source)
        move = Text.assemble(source, " → ", (labels.get(change.to, change.to), colour_of.get(change.to, "")))
        when = f"{change.at:%d %b}" if width < 100 else f"{change.at:%d %b %H:%M}"
        table.add_row(Text(when, style="dim"), Text(change.customer_id), move, Text(why(change), style="dim"))
    return table


def _places(picture: Picture) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("page ", style="dim").append(picture.url)
    line.append("   API ", style="dim").append("/v1/stages").append("   metrics ", style="dim").append("/metrics")
    return line


def _bottom(picture: Picture) -> RenderableType:
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True, overflow="ellipsis", style="dim")
    table.add_row(picture.status, picture.remark)
    return table
