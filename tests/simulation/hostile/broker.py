"""A broker with one partition of touchpoints, which returns the batches sent to it unchanged."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.simulation.cluster.brokers import answer_to
from tests.simulation.hostile.batches import HostileBatch

_NODE: Final = 1
_FETCH, _METADATA, _API_VERSIONS = 1, 3, 18
_VERSIONS: Final = {_FETCH: (4, 11), _METADATA: (0, 1), _API_VERSIONS: (0, 2)}


class FetchBroker:
    """The only one. All that it has is committed."""

    def __init__(self, topic: str, batches: Sequence[HostileBatch]) -> None:
        self._topic = topic
        self._batches = batches
        self._handlers: Mapping[int, Callable[[Any], Mapping[str, Any]]] = {
            _FETCH: self._fetch,
            _METADATA: self._metadata,
            _API_VERSIONS: lambda _: {"api_versions": [(key, *span) for key, span in _VERSIONS.items()]},
        }

    def is_up(self, node: int) -> bool:
        """Always."""
        return True

    def versions(self) -> dict[int, tuple[int, int]]:
        return _VERSIONS

    def stale(self, request: Any) -> None:
        """Nothing hangs on it."""

    def handle(self, node: int, request: Any) -> Any:
        return answer_to(request, self._handlers[request.API_KEY](request))

    def _metadata(self, request: Any) -> Mapping[str, Any]:
        return {
            "brokers": [(_NODE, "node", _NODE, None)],
            "controller_id": _NODE,
            "topics": [(0, self._topic, False, [(0, 0, _NODE, [_NODE], [_NODE])])],
        }

    def _fetch(self, request: Any) -> Mapping[str, Any]:
        [(topic, [(partition, *asked)])] = request.topics
        offset, most = asked[-3], asked[-1]
        end = self._batches[-1].end
        data = b""
        for batch in self._batches:
            # One batch at least, however large, as brokers do.
            if batch.end > offset and (not data or len(data) + len(batch.data) <= most):
                data += batch.data
            elif data:
                break
        return {"topics": [(topic, [(partition, 0, end, end, 0, [], -1, data)])]}
