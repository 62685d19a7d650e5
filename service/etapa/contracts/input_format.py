"""Which format the input has: the one place that names it."""

from etapa.contracts.decoder import Decoder
from etapa.contracts.touchpoint import JsonDecoder
from etapa.contracts.touchpoint_message import TouchpointLimits


def decoder_within(limits: TouchpointLimits) -> Decoder:
    """What reads the input, and takes what is within `limits`."""
    return JsonDecoder(limits)
