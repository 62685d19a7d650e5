"""The two topics of dead letters: how to read their letters, where these came from, and where sent-back letters are recorded."""

from collections.abc import Callable, Sequence

import msgspec

from etapa.contracts.incoming import rejected
from etapa.contracts.outgoing import undelivered
from etapa.contracts.outgoing.dead_letter import DeadLetter, Headers, decode_dead_letter
from etapa.contracts.outgoing.undelivered import decode_undelivered
from etapa.settings import Settings


class DeadLetterTopic(msgspec.Struct, frozen=True):
    """A topic of dead letters."""

    name: str
    origin: str
    """The topic that the letters came from, and are sent back to."""
    reasons: Sequence[str]
    decode: Callable[[bytes | None, bytes | None, Headers], DeadLetter]
    """Raises `DeadLetterError`."""
    redrive_group: str
    """The consumer group whose offsets record which letters were sent back; also the transactional id."""


def touchpoint_letters(settings: Settings) -> DeadLetterTopic:
    """Touchpoints that could not be used."""
    return DeadLetterTopic(
        settings.topic_dead_letters, settings.topic_touchpoints, rejected.REASONS, decode_dead_letter, f"{settings.group}.redrive"
    )


def trigger_letters(settings: Settings) -> DeadLetterTopic:
    """Campaign triggers that could not be delivered."""
    return DeadLetterTopic(
        settings.topic_campaign_trigger_dead_letters,
        settings.topic_campaign_triggers,
        undelivered.REASONS,
        decode_undelivered,
        f"{settings.delivery_group}.redrive",
    )
