"""Loading sources for commands, by the name of a preset or from a file."""

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from etapa.commands.files.event_files import EventFile
from etapa.commands.files.journey_files import shown
from etapa.commands.files.schema_registry import schemas_of
from etapa.commands.terminal.failures import CheckFailed, WrongUse, reason
from etapa.commands.terminal.options import settings_from
from etapa.contracts.incoming.odd_bytes import CSV, LIST, Oddity
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.schemas import SchemasAway
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.reading.yaml_nodes import MAX_BYTES
from etapa.rehearsal.readings import Touchpoints
from etapa.sources import presets
from etapa.sources.file_records import Read, RecordsError, records
from etapa.sources.framed import ValueReader
from etapa.sources.language.loading import LoadedSource, load_source
from etapa.sources.language.model import Source
from etapa.sources.lines import Lines
from etapa.sources.mapping import Mapper
from etapa.sources.outcome_counts import Tally
from etapa.sources.record_outcome import Mapped
from etapa.sources.typed_files import avro_records, parquet_records
from etapa.sources.value_changes import MappingError


def source_text(name: str) -> tuple[str, str]:
    """The text of a source, and its name in findings. Ends the command with exit code 2 if there is no such source."""
    if name in presets.names():
        return presets.text_of(name), f"{name} (comes with Etapa)"
    path = Path(name)
    if not path.exists() and path.suffix not in (".yaml", ".yml"):
        if Path(f"{name}.yaml").exists():
            raise WrongUse(f"no source {name!r} comes with Etapa; if you mean your own file, write {name}.yaml")
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


def source_called(name: str) -> Source:
    """A source without errors. Findings go to stderr; a source with errors ends the command with exit code 1."""
    found = loaded(name)
    for finding in found.findings:
        if finding.severity != "info":
            click.echo(shown(finding), err=True)
    if found.source is None:
        raise CheckFailed(f"{name} has errors, so it is not used")
    return found.source


def mapper_of(name: str, pepper: str = "") -> Mapper:
    """The same, ready to map."""
    source = source_called(name)
    try:
        return Mapper(source, pepper.encode())
    except MappingError as error:
        raise WrongUse(f"{name}: {error}") from None


def files_of(mapper: Mapper | None) -> tuple[Oddity, ...]:
    """The formats, besides JSON Lines, of files whose records go through this source."""
    return () if mapper is None else (CSV,) if mapper.source.decode == "csv" else (LIST,)


class MappedTouchpoints(Touchpoints):
    """Touchpoints that a source makes from the records of one or more files. `tally` counts the outcomes."""

    def __init__(
        self, file: EventFile, lines: Lines, mapper: Mapper, limits: TouchpointLimits, complain: Callable[[int, Rejected], None]
    ) -> None:
        """`lines` are the lines of `file`, which may pass through something that shows progress."""
        self.tally = Tally()
        self._file = file
        self._lines = lines
        self._mapper = mapper
        self._limits = limits
        self._complain = complain
        self._text: Iterator[bytes] | None = None

    def touchpoints(self) -> Iterator[tuple[int, Touchpoint]]:
        """Each with the number of its record."""
        mapper, tally, complain = self._mapper, self.tally, self._complain
        limits = mapper.limits(self._limits)
        for number, record in records_of(self._file, self._lines, mapper, limits):
            tally.records += 1
            for item in [record] if isinstance(record, Rejected) else mapper.items(record, limits, 0):
                tally.count(item)
                if isinstance(item, Touchpoint):
                    yield number, item
                elif isinstance(item, Rejected):
                    complain(number, item)

    def readline(self, _limit: int, /) -> bytes:
        """The next touchpoint as a line of JSON, for sorting. It is never longer than touchpoints may be."""
        if self._text is None:
            self._text = (outcome + b"\n" for outcome in self._json())
        return next(self._text, b"")

    def _json(self) -> Iterator[bytes]:
        for number, record in records_of(self._file, self._lines, self._mapper, self._limits):
            self.tally.records += 1
            for outcome in [record] if isinstance(record, Rejected) else self._mapper.outcomes(record, self._limits):
                self.tally.count(outcome)
                if isinstance(outcome, Mapped):
                    yield outcome.json
                elif isinstance(outcome, Rejected):
                    self._complain(number, outcome)


def value_reader(mapper: Mapper) -> Callable[[bytes], Any]:
    """A reader for values that are framed for a schema registry. Ends the command with exit code 1 when that does not answer."""
    made: list[ValueReader] = []

    def read(value: bytes) -> Any:
        if not made:
            made.append(ValueReader(mapper.source.decode, mapper.json, schemas_of(settings_from({}).settings, mapper.source)))
        try:
            return made[0].read_now(value)
        except SchemasAway as error:
            raise CheckFailed(str(error)) from None

    return read


def _parquet(stream: BinaryIO, mapper: Mapper) -> Iterator[Any]:
    return parquet_records(stream, mapper.json.columns, mapper.json.times)


def records_of(file: EventFile, lines: Lines, mapper: Mapper, limits: TouchpointLimits) -> Iterator[Read]:
    """The records of one or more files, whatever their formats. A file that cannot be read at all ends the command with exit code 1."""
    framed = value_reader(mapper)
    for part in file.parts():
        try:
            if part.kind == "lines":
                yield from records(lines, mapper.source.decode, mapper.json, limits.max_bytes, framed)
            else:
                rows = _parquet(part.raw, mapper) if part.kind == "parquet" else avro_records(part.reader)
                for number, record in enumerate(rows, 1):
                    file.count(1)
                    yield Read(number, record)
        except RecordsError as error:
            raise CheckFailed(f"{part.name}: {error}") from None
