"""A touchpoint of one id as that of the id under which the person is kept."""

from etapa.journey.engine.facts.touchpoint import Touchpoint


def under(touchpoint: Touchpoint, customer_id: str) -> Touchpoint:
    """The same touchpoint of another customer."""
    return Touchpoint(
        touchpoint.id,
        customer_id,
        touchpoint.type,
        touchpoint.at,
        touchpoint.channel,
        touchpoint.properties,
        touchpoint.traits,
        touchpoint.zone,
    )
