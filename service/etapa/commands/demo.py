"""`etapa demo`: all of Etapa on a private broker and a private Redis, with simulated or recorded customers."""

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etapa.commands.files.event_files import EventFile, LineProgress
from etapa.commands.files.journey_argument import journey_among
from etapa.commands.files.journey_files import journey_from
from etapa.commands.files.source_files import files_of
from etapa.commands.files.touchpoint_files import TouchpointFile, decoder_of, mapper_from
from etapa.commands.terminal.failures import CheckFailed, WrongUse
from etapa.commands.terminal.options import settings_flags, settings_from
from etapa.settings import Settings

if TYPE_CHECKING:
    from etapa.embedded.shoppers import SentTouchpoint

PARTS = {"confluent_kafka": "confluent-kafka", "rich": "rich"}
"""Modules that only the demo needs, and the packages that provide them (the extra `demo`)."""


@click.command()
@settings_flags("journey")
@click.argument("arguments", metavar="[JOURNEY]", nargs=-1)
@click.option("--events", metavar="FILE", help="Send the touchpoints in FILE, in order of time, instead of simulated ones.")
@click.option("--source", metavar="SOURCE", help="FILE holds another system's records: the name of a source, or its file.")
@click.option("--seconds", type=click.FloatRange(min=1), metavar="N", help="Stop after this many seconds; without it, stop with Ctrl-C.")
@click.option(
    "--rate", type=click.FloatRange(min=1, max=100_000), default=200, show_default=True, metavar="R", help="Touchpoints a second."
)
@click.option(
    "--customers",
    type=click.IntRange(min=1, max=1_000_000),
    metavar="N",
    help="Number of simulated customers; without it, they keep coming.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object, and nothing else, on stdout.")
def demo(
    journey: str | None,
    arguments: tuple[str, ...],
    events: str | None,
    source: str | None,
    seconds: float | None,
    rate: float,
    customers: int | None,
    as_json: bool,
) -> None:
    """Watch customers move through the stages, without Kafka or Redis.

    It starts a private broker (a test double of Kafka's protocol) and a private Redis, makes up customers, runs the real worker on their
    touchpoints, and shows what happens. The page and the API are served meanwhile. Nothing is left behind.

    JOURNEY is a journey file of your own (.yaml or .yml), which --journey names, too; the simulated customers do what its rules ask for.
    With --events it shows your own customers.
    """
    journey, rest = journey_among(journey, arguments)
    if rest:
        raise WrongUse(f"{rest[0]}: if these are your touchpoints, write --events {rest[0]}")
    if source is not None and events is None:
        raise WrongUse("--source describes --events, but there is no --events")
    if customers is not None and events is not None:
        raise WrongUse("--customers makes customers up, but --events brings real ones: use only one of them")
    missing = [package for module, package in PARTS.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise CheckFailed(f"the demo needs {' and '.join(missing)}, which is not installed: pip install 'etapa[demo]'")
    settings = settings_from({"journey": journey}).settings
    if str(settings.journey_path) == "-":
        raise WrongUse("--journey -: the worker also reads the journey, so it must be a file, not standard input")
    chosen = journey_from(settings.journey_path)
    # Imported late: this takes a while, and --help does not need it.
    from etapa.embedded.broker import BrokerError
    from etapa.embedded.demo import DemoError, run_demo
    from etapa.embedded.demo_plan import DemoOptions
    from etapa.embedded.redis_server import RedisUnavailable

    with contextlib.nullcontext() if events is None else _recorded(events, source, settings) as recorded:
        options = DemoOptions(
            journey=chosen,
            journey_path=Path(settings.journey_path),
            usual_port=Settings().http_port,
            recorded=recorded,
            recorded_from=events or "",
            seconds=seconds,
            rate=rate,
            customers=customers,
            as_json=as_json,
        )
        try:
            run_demo(options)
        except (BrokerError, DemoError, RedisUnavailable) as error:
            raise CheckFailed(str(error)) from None


@contextlib.contextmanager
def _recorded(path: str, source: str | None, settings: Settings) -> Iterator["Iterator[SentTouchpoint]"]:
    """The touchpoints of a file, in order of time. Ends the command with exit code 1 if there are none."""
    from etapa.embedded.recorded import recorded

    decoder = decoder_of(settings, takes_links=False)
    mapper = mapper_from(source, settings, path)
    with EventFile(path, takes=files_of(mapper), columns=mapper is not None) as lines:
        progress = LineProgress(lines, output_scrolls=False)
        file = TouchpointFile(lines, progress, decoder, in_order=True, mapper=mapper)
        found = recorded(file.sorted_lines, decoder)
        first = next(found, None)
        progress.clear()
        if first is None:
            raise CheckFailed(f"{file.name}: it contains no touchpoint")
        yield _with(first, found)


def _with(first: "SentTouchpoint", rest: "Iterator[SentTouchpoint]") -> "Iterator[SentTouchpoint]":
    yield first
    yield from rest
