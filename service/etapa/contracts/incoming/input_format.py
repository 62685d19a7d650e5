"""Which format the input has: the one place that names it."""

from etapa.contracts.incoming.decoder import Decoder
from etapa.contracts.incoming.touchpoint import JsonDecoder
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits


def decoder_within(limits: TouchpointLimits) -> Decoder:
    """What reads the input, and takes what is within `limits`."""
    return JsonDecoder(limits)
