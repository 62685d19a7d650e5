"""The levels of the cluster's features (KIP-584), which a broker reports beside its API versions."""

import io
from collections.abc import Mapping

from aiokafka.protocol.types import CompactArray, CompactString, Int16, TaggedFields

TRANSACTION_VERSION = "transaction.version"
"""From level 2 on, the brokers speak the new transaction protocol (KIP-890)."""
_FINALIZED_TAG = 2
_FINALIZED = CompactArray(
    ("name", CompactString("utf-8")), ("max_version_level", Int16), ("min_version_level", Int16), ("tags", TaggedFields)
)


def finalized_features(tags: Mapping[int, bytes]) -> dict[str, int]:
    """The level of each feature, from the tagged fields of an ApiVersions answer. Brokers that know no features report none."""
    told = tags.get(_FINALIZED_TAG)
    if told is None:
        return {}
    return {name: level for name, level, *_ in _FINALIZED.decode(io.BytesIO(told)) or ()}
