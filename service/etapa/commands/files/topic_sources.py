"""The decoder of records that go through one or several sources, for a worker's topic."""

from collections.abc import Sequence

from etapa.commands.files.schema_registry import schemas_of
from etapa.commands.files.source_files import mapper_of
from etapa.commands.terminal.failures import WrongUse
from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.language.reading.findings import listed
from etapa.settings import Settings
from etapa.sources.decoding import SourceDecoder
from etapa.sources.language.model import Source
from etapa.sources.several import SOURCE_HEADER, SeveralSources


def decoder_through(names: Sequence[str], settings: Settings, limits: TouchpointLimits) -> Decoder:
    """The decoder for sources by name. Ends the command if one of them cannot be used for topics."""
    pepper = settings.source_pepper
    mappers = [mapper_of(name, "" if pepper is None else pepper.reveal()) for name in names]
    for name, mapper in zip(names, mappers, strict=True):
        _check(name, mapper.source, settings)
    schemas = schemas_of(settings, *[mapper.source for mapper in mappers])
    decoders = {mapper.source.name: SourceDecoder(mapper, limits, schemas) for mapper in mappers}
    if len(decoders) < len(mappers):
        raise WrongUse(f"two of the sources {listed(names)} have the same id; a record's header could not tell them apart")
    return next(iter(decoders.values())) if len(decoders) == 1 else SeveralSources(decoders, limits)


def _check(name: str, source: Source, settings: Settings) -> None:
    if source.decode == "csv":
        raise WrongUse(f"{name}: it decodes CSV, which topics do not hold; for CSV files use etapa sources convert")
    if source.decode in ("avro", "protobuf") and (settings.registry_url or source.registry) is None:
        raise WrongUse(
            f"{name}: it decodes {source.decode}, which is read by a schema registry: set ETAPA_REGISTRY_URL, or `registry` in the source"
        )
    if source.topic is not None and source.topic != settings.topic_touchpoints:
        raise WrongUse(
            f"{name}: its records come from the topic {source.topic}, but the worker reads {settings.topic_touchpoints}. A group reads one"
            f" topic: set ETAPA_TOPIC_TOUCHPOINTS={source.topic} for every command, or write the records of all systems into one topic, with the"
            f" header {SOURCE_HEADER}"
        )
