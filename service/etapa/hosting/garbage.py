"""The garbage collector's share of a process that touchpoints flow through."""

import gc


def spare_the_garbage_collector() -> None:
    """Make it look for cycles less often, and ignore objects that exist already.

    Each touchpoint creates and drops dozens of objects without cycles, and tens of thousands of customers stay in memory.
    With the default thresholds, looking for cycles costs a sixth of a worker's time and finds none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 50)
