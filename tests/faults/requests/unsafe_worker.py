"""The worker with a safety taken away: an EndTxn without an answer is sent again in its epoch, as aiokafka does it.

`python -m tests.faults.requests.unsafe_worker run` takes what `etapa run` takes. The trials must find it.
"""

from typing import Any

from etapa.cli import main
from etapa.stream.kafka.writing import producer as producers


def _repeat_ends(producer: Any, *, offsets_once: bool = False) -> None:
    """Leave aiokafka's producer as it is."""


if __name__ == "__main__":
    producers.speak_transactions = _repeat_ends  # type: ignore[attr-defined]  # it is the producer's name for it that counts
    main()
