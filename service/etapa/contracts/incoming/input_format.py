"""The format of the input: the only place that names it."""

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.touchpoint import JsonDecoder
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits


def decoder_within(limits: TouchpointLimits) -> Decoder:
    """The decoder of the input, which accepts what is within `limits`."""
    return JsonDecoder(limits)
