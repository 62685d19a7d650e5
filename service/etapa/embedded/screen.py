"""The demo's output: a live view in a terminal, elsewhere a line now and then, and the summary at the end.

With `as_json` only the summary's JSON goes to stdout; everything else goes to stderr.
"""

import contextlib
import sys
from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from etapa.embedded.demo_summary import DemoSummary
from etapa.embedded.live_view import Picture, draw, line, seconds_as_text
from etapa.journey.language.model import Journey

_LINE_EVERY = 2.0


class Screen:
    """The output of one run."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(stderr=as_json, highlight=False)
        self._live: Live | None = None
        self._next_line: float | None = None

    def say(self, text: str) -> None:
        """A line of prose."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def showing(self) -> Iterator[None]:
        """In a terminal, use the whole screen meanwhile, and restore it afterwards."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            yield
            return
        with Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def show(self, picture: Picture, now: float) -> None:
        """Show this picture; `now` is in seconds of a clock that never goes back."""
        if self._live is not None:
            self._live.update(draw(picture, *self._console.size), refresh=True)
        elif self._next_line is None or now >= self._next_line:
            if self._next_line is not None:
                self.say(line(picture))
            self._next_line = now + _LINE_EVERY

    def end(self, summary: DemoSummary, journey: Journey) -> None:
        """Print the summary."""
        if self._as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(summary)).decode() + "\n")
            sys.stdout.flush()
            return
        dead_letters = ", ".join(f"{count:,} {reason}" for reason, count in summary.dead_letters_by_reason.items())
        self.say(f"\n{summary.touchpoints:,} touchpoints in {summary.seconds:.0f} s, {summary.touchpoints_per_second:,.0f} a second:")
        self.say(
            f"  {summary.applied:,} applied, {_counted(summary.duplicates, 'duplicate')}, {_counted(summary.dead_letters, 'dead letter')}"
        )
        if dead_letters:
            self.say(f"  dead letters: {dead_letters}")
        self.say(f"  {summary.stage_changes:,} stage changes, half of them read within {seconds_as_text(summary.median_delay_seconds)}")
        for campaign, outcomes in summary.campaigns.items():
            if any(outcomes.values()):
                others = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items() if count and outcome != "published")
                self.say(f"  campaign {campaign}: {_counted(outcomes.get('published', 0), 'trigger')}{others and f' ({others})'}")
        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column(justify="right")
        for stage in journey.stages:
            table.add_row(
                Text(f"  {stage.label.get('en') or stage.label.get('mul', stage.id)}"),
                Text(f"{summary.customers[stage.id]:,}", style="bold"),
            )
        table.add_row(Text("  customers"), Text(f"{sum(summary.customers.values()):,}", style="bold"))
        self._console.print(table)


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
