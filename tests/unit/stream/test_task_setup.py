"""The options of partition tasks that follow from settings."""

import pytest

from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.settings import Settings
from etapa.stream.task_setup import task_options


@pytest.mark.parametrize(("touchpoints", "timers"), [(1, 2_000), (5_000, 2_500), (20_000, 10_000), (1_000_000, 10_000)])
def test_smaller_batches_have_fewer_timers(touchpoints: int, timers: int) -> None:
    options = task_options(Settings(batch_records=touchpoints), decoder_within(TouchpointLimits()))
    assert (options.max_records, options.max_timers) == (touchpoints, timers)
