"""The decoder for a worker's topic, according to the settings: for touchpoints, or for records that go through a source."""

from etapa.commands.files.schema_registry import schemas_of
from etapa.commands.files.source_files import mapper_of
from etapa.commands.terminal.failures import WrongUse
from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.settings import Settings
from etapa.sources.decoding import SourceDecoder


def decoder_for(settings: Settings, max_bytes: int | None = None) -> Decoder:
    """The decoder, for records of at most `max_bytes` (by default the setting). Ends the command if the source cannot be used for topics."""
    limits = TouchpointLimits.naming(
        settings.placeholder_ids,
        max_bytes=settings.max_touchpoint_bytes if max_bytes is None else max_bytes,
        max_ahead=settings.future_limit,
    )
    if settings.source is None:
        return decoder_within(limits)
    pepper = settings.source_pepper
    mapper = mapper_of(settings.source, "" if pepper is None else pepper.reveal())
    source = mapper.source
    if source.decode == "csv":
        raise WrongUse(f"{settings.source}: it decodes CSV, which topics do not hold; for CSV files use etapa sources convert")
    if source.decode in ("avro", "protobuf") and (settings.registry_url or source.registry) is None:
        raise WrongUse(
            f"{settings.source}: it decodes {source.decode}, which is read by a schema registry: set ETAPA_REGISTRY_URL, or `registry` in the source"
        )
    if source.topic is not None and source.topic != settings.topic_touchpoints:
        raise WrongUse(
            f"{settings.source}: its records come from the topic {source.topic}, but the worker reads {settings.topic_touchpoints}."
            f" A group reads one topic: set ETAPA_TOPIC_TOUCHPOINTS={source.topic} for every command"
        )
    return SourceDecoder(mapper, limits, schemas_of(settings, source))
