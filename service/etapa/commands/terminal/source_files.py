"""A source by the name of a preset or by its file, for commands."""

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.commands.terminal.journey_files import shown
from etapa.contracts.odd_bytes import CSV, LIST, Oddity
from etapa.contracts.rejected import Rejected
from etapa.contracts.touchpoint_message import TouchpointLimits
from etapa.journey.language.reading.yaml_nodes import MAX_BYTES
from etapa.sources import presets
from etapa.sources.changes import MappingError
from etapa.sources.lines import Lines
from etapa.sources.loading import LoadedSource, load_source
from etapa.sources.mapping import Mapper
from etapa.sources.outcome import Mapped
from etapa.sources.records import RecordsError, records
from etapa.sources.tally import Tally


def source_text(name: str) -> tuple[str, str]:
    """The text of a source, and how findings name it. Ends the command with exit code 2 if there is none."""
    if name in presets.names():
        return presets.text_of(name), f"{name} (comes with Etapa)"
    path = Path(name)
    if not path.exists() and path.suffix not in (".yaml", ".yml"):
        near = difflib.get_close_matches(name, presets.names(), n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(presets.names())}, and files of one's own"
        raise WrongUse(f"no source {name!r}; {advice}")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise WrongUse(f"{name}: cannot read it: {reason(error)}") from None
    return content.decode(errors="replace"), name


def loaded(name: str) -> LoadedSource:
    """A source with its findings."""
    return load_source(*source_text(name))


def mapper_of(name: str, pepper: str = "") -> Mapper:
    """A source, ready to map. Findings go to stderr; one that has errors ends the command with exit code 1."""
    found = loaded(name)
    for finding in found.findings:
        if finding.severity != "info":
            click.echo(shown(finding), err=True)
    if found.source is None:
        raise CheckFailed(f"{name} has errors, so it is not used")
    try:
        return Mapper(found.source, pepper.encode())
    except MappingError as error:
        raise WrongUse(f"{name}: {error}") from None


def files_of(mapper: Mapper | None) -> tuple[Oddity, ...]:
    """What else than JSON Lines a file may be whose records go through this source."""
    return () if mapper is None else (CSV,) if mapper.source.decode == "csv" else (LIST,)


class MappedLines:
    """Records of another system as lines of touchpoints. What comes of each is counted in `tally`."""

    def __init__(
        self, name: str, lines: Lines, mapper: Mapper, limits: TouchpointLimits, complain: Callable[[int, Rejected], None]
    ) -> None:
        self.tally = Tally()
        self._name = name
        self._mapped = self._map(lines, mapper, limits, complain)

    def readline(self, _limit: int, /) -> bytes:
        """The next touchpoint. None is longer than touchpoints may be."""
        return next(self._mapped, b"")

    def _map(self, lines: Lines, mapper: Mapper, limits: TouchpointLimits, complain: Callable[[int, Rejected], None]) -> Iterator[bytes]:
        try:
            for number, record in records(lines, mapper.source.decode, limits.max_bytes):
                self.tally.records += 1
                for outcome in [record] if isinstance(record, Rejected) else mapper.outcomes(record, limits):
                    self.tally.count(outcome)
                    if isinstance(outcome, Mapped):
                        yield outcome.json + b"\n"
                    elif isinstance(outcome, Rejected):
                        complain(number, outcome)
        except RecordsError as error:
            raise CheckFailed(f"{self._name}: {error}") from None
