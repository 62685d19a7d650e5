"""A link in JSON: a touchpoint of the type `$link`, whose `same_as` is another id of the same person."""

from typing import Any, Final

import msgspec

from etapa.contracts.incoming.placeholder_ids import names_nobody
from etapa.contracts.incoming.rejected import Rejected, rejected
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.identity.links import MOST_IDS
from etapa.journey.language.model import LINK

LONGEST_ID: Final = 256

_NOT_FOLLOWED: Final = rejected(
    "not_linked",
    "this worker joins no ids: its journey file has no `identity`; nothing was changed, and the two ids stay two customers",
)
CYCLE: Final = rejected("link_cycle", "earlier links say the reverse: the customer in same_as was moved to this customer_id")
CROWD: Final = rejected(
    "not_linked", f"one person would have more than {MOST_IDS} ids, which looks like a shared device or a constant instead of an id"
)
TWO_KNOWN: Final = rejected(
    "two_known",
    "both are known people (a trait marked `known: true`), and a shared device does not make one person; see `identity.merge_known`",
)


class _LinkMessage(msgspec.Struct, gc=False):
    same_as: Any = None


_decode: Final = msgspec.json.Decoder(_LinkMessage).decode


def read_link(value: bytes, identity: str, customer_id: str, at: int, limits: TouchpointLimits) -> Touchpoint | Rejected:
    """The link in `value`, a touchpoint that has been read apart from its `same_as`, or why it is none."""
    return link_between(identity, customer_id, _decode(value).same_as, at, limits)


def link_between(identity: str, customer_id: str, same_as: object, at: int, limits: TouchpointLimits) -> Touchpoint | Rejected:
    """A link, or why it is none. `identity` is its own id."""
    if same_as is None:
        return rejected("invalid", f"a {LINK} needs same_as: the id that customer_id is the same person as")
    if not isinstance(same_as, str):
        return rejected("invalid", "same_as is not text; it must be a customer id")
    if not 0 < len(same_as) <= LONGEST_ID:
        return rejected(
            "invalid", f"same_as {'is empty' if not same_as else f'has more than {LONGEST_ID} characters'}; it must be a customer id"
        )
    if names_nobody(same_as, limits.placeholder_ids):
        return rejected(
            "placeholder_id", "same_as names nobody: it is a placeholder such as null or 0; send the customer's own id, or no link"
        )
    if same_as == customer_id:
        return rejected("invalid", "same_as is the customer_id itself; a link joins two different ids")
    if not limits.takes_links:
        return _NOT_FOLLOWED
    return Touchpoint(identity, customer_id, LINK, at, None, {SAME_AS: same_as})
