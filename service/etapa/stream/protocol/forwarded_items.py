"""What becomes of the items of a batch that are for another place: marked, so that they are forwarded in their turn."""

from etapa.contracts.incoming.skipped import SkippedRecord
from etapa.journey.engine.deny_list import DenyList
from etapa.journey.engine.facts.forget_request import ForgetRequest
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.stream.protocol.batch import Item


class LivesElsewhere(SkippedRecord, frozen=True, gc=False, kw_only=True):
    """A touchpoint, or a request to forget its customer, that is to be forwarded to another place."""

    rule: str = ""
    place: int
    touchpoint: Touchpoint | ForgetRequest


class ForgetElsewhere(ForgetRequest, frozen=True, gc=False, kw_only=True):
    """A request to forget a customer who has left: the address goes, and the request is forwarded to it."""

    place: int
    touchpoint: ForgetRequest


def elsewhere(item: Touchpoint | ForgetRequest, place: int, denied: DenyList | None, *, has_left: bool) -> LivesElsewhere | ForgetElsewhere:
    """Mark what is to be forwarded."""
    if has_left and isinstance(item, ForgetRequest) and denied is not None and denied.is_ours(item):
        return ForgetElsewhere(item.customer_id, item.digest, item.at, item.until, place=place, touchpoint=item)
    return LivesElsewhere(place=place, touchpoint=item)


def as_read(item: Item) -> Item:
    """The same without a mark: where the customer lives may change until it is judged."""
    return item.touchpoint if isinstance(item, LivesElsewhere | ForgetElsewhere) else item
