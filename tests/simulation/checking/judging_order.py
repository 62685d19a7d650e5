"""In which order touchpoints were judged, wherever that was: those of one id in one partition come in the order in which they were sent."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from etapa.contracts.stored.forwarding import is_forwarding
from etapa.contracts.stored.mark import decode_mark, is_customer_key
from etapa.contracts.stored.state import decode_state
from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.repeats import digest_of
from tests.simulation.machines.memory_log import Committed


class JudgingOrder:
    """Reads it from customers' states, commit by commit: these remember touchpoints in the order in which they were judged."""

    def __init__(self) -> None:
        self._judged: dict[bytes, int] = {}
        """By the digests of their ids: which number each touchpoint was."""
        self._sent: dict[tuple[str, int], dict[bytes, str]] = {}
        """The touchpoints of an id in a partition."""

    def see(self, committed: Committed) -> None:
        """The next commit, of any partition."""
        common = decode_mark(committed.transaction.mark_value).in_common()
        for one in committed.transaction.states:
            if one.key is not None and one.value is not None and is_customer_key(one.key) and not is_forwarding(one.value):
                for digest in digests_of(decode_state(one.value, one.key.decode(), common)):
                    self._judged.setdefault(digest, len(self._judged))

    def sent(self, touchpoint: Touchpoint, partition: int) -> None:
        """The next touchpoint in a partition. One that is sent again counts where it came first."""
        self._sent.setdefault((touchpoint.customer_id, partition), {}).setdefault(digest_of(touchpoint.id), touchpoint.id)

    def violations(self, concerned: AbstractSet[str]) -> Iterator[str]:
        """Touchpoints that overtook others. What is missing, others find; `concerned` are ids that may have been forgotten.

        Of one that was sent to two partitions, either copy may have been judged.
        """
        copies = Counter(digest for sent in self._sent.values() for digest in sent)
        for (customer_id, partition), sent in sorted(self._sent.items()):
            last, before = -1, ""
            for digest, name in sent.items() if customer_id not in concerned else ():
                if copies[digest] > 1:
                    continue
                if self._judged.get(digest, last) < last:
                    yield f"{customer_id}: {name} of partition {partition} was judged before {before}, which was sent before it"
                last, before = self._judged.get(digest, last), name


def digests_of(customer: Customer) -> list[bytes]:
    """Those of the touchpoints that a customer remembers, in the order in which they were judged."""
    recent = customer.recent
    return [recent[start : start + DIGEST_BYTES] for start in range(0, len(recent), DIGEST_BYTES)]
