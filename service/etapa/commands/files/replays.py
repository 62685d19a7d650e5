"""Replaying files of touchpoints through a journey, for commands that show only the overall result."""

from collections.abc import Callable, Sequence

from etapa.commands.files.event_files import EventFile, LineProgress
from etapa.commands.files.source_files import files_of
from etapa.commands.files.touchpoint_files import TouchpointFile, clock, decoder_of, mapper_from, more_complaints
from etapa.hosting.garbage import spare_the_garbage_collector
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.model import Journey
from etapa.rehearsal.replay import Told
from etapa.rehearsal.summary import Summary, replayed
from etapa.settings import Settings


def _pass_over(_: Told) -> None:
    pass


def replay_files(
    journey: Journey,
    settings: Settings,
    events: Sequence[str],
    until: int | None,
    source: str | None,
    summary: Summary,
    *,
    in_order: bool,
    told: Callable[[Told], None] = _pass_over,
) -> TouchpointFile:
    """Run all touchpoints through the journey. `summary` and its figures take in the results, and `told` is called for each change."""
    decoder = decoder_of(settings)
    mapper = mapper_from(source, settings, events[0])
    with EventFile(events[0], takes=files_of(mapper), columns=mapper is not None, more=events[1:]) as lines:
        spare_the_garbage_collector()
        progress = LineProgress(lines, output_scrolls=False)
        file = TouchpointFile(lines, progress, decoder, in_order=in_order, mapper=mapper)
        try:
            for each in replayed(
                compile_journey(journey),
                journey,
                file.lines,
                until,
                summary=summary,
                on_rejected=file.complain,
                decoder=decoder,
                wall=clock(),
            ):
                told(each)
        finally:
            progress.clear()
    summary.rejected.update(file.not_mapped)
    more_complaints(summary.rejected)
    return file
