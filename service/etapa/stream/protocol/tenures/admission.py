"""Takes customers whom the view has shown into memory."""

from collections.abc import Sequence

from etapa.contracts.stored.in_common import InCommon
from etapa.contracts.stored.state import decode_state
from etapa.journey.engine.partition import Partition
from etapa.stream.protocol.batch import Pause
from etapa.stream.protocol.ports import LoadedCustomers


async def admit(
    engine: Partition, customer_ids: Sequence[str], loaded: LoadedCustomers, common: InCommon, *, every: int, pause: Pause
) -> None:
    """Have `engine` know these customers, who were asked for by name, and those of due timers. `common`: what their states leave out.

    Others get a turn after `every` customers. Raises `StateError`.
    """
    for count, (customer_id, state) in enumerate(zip(customer_ids, loaded.states, strict=True), start=1):
        engine.admit(customer_id, None if state is None else decode_state(state, customer_id, common))
        if count % every == 0:
            await pause()
    if not loaded.due.have_states:
        # All of them were in memory already, or were named.
        return
    unknown = set(engine.missing(loaded.due.customer_ids))
    for count, due in enumerate(loaded.due, start=1):
        if due.customer_id in unknown:
            engine.admit(due.customer_id, decode_state(due.state, due.customer_id, common))
        if count % every == 0:
            await pause()
