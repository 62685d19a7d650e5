"""The format of the input: the only place that names it."""

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.touchpoint import JsonDecoder
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits


def decoder_within(limits: TouchpointLimits, properties: tuple[str, ...] | None = None) -> Decoder:
    """The decoder of the input, which accepts what is within `limits`. It may leave out properties that are not among `properties`."""
    return JsonDecoder(limits, properties)
