"""The decoder for a worker's topic, according to the settings: for touchpoints, or for records that go through one or several sources."""

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.settings import Settings


def decoder_for(
    settings: Settings, max_bytes: int | None = None, *, takes_links: bool = False, properties: tuple[str, ...] | None = None
) -> Decoder:
    """The decoder, for records of at most `max_bytes` (by default the setting). Ends the command if a source cannot be used for topics.

    It may leave out properties of touchpoints that are not among `properties`; those that a source makes keep all.
    """
    limits = TouchpointLimits.naming(
        settings.placeholder_ids,
        max_bytes=settings.max_touchpoint_bytes if max_bytes is None else max_bytes,
        max_ahead=settings.future_limit,
        takes_links=takes_links,
    )
    if settings.source is None:
        return decoder_within(limits, properties)
    # Imported late: most workers have no source, and start sooner without.
    from etapa.commands.files.topic_sources import decoder_through

    return decoder_through(settings.source, settings, limits)
