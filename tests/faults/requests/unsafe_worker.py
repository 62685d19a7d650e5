"""The worker without one safeguard: an EndTxn without a response is sent again in the same epoch, as aiokafka does.

`python -m tests.faults.requests.unsafe_worker run` takes the arguments of `etapa run`. The trials must find the defect.
"""

from typing import Any

from etapa.cli import main
from etapa.stream.kafka.writing import producer as producers


def _repeat_ends(producer: Any, *, offsets_once: bool = False) -> None:
    """Leave aiokafka's producer as it is."""


if __name__ == "__main__":
    producers.speak_transactions = _repeat_ends  # type: ignore[attr-defined]  # it is the producer's name for it that counts
    main()
