"""The upper bounds of histograms' buckets. Times are in seconds, Prometheus' unit for all of them."""

from etapa.journey import units

_MINUTE, _HOUR, _DAY = (length // units.SECOND for length in (units.MINUTE, units.HOUR, units.DAY))

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE)
STEP_TIMES = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TIMER_DELAYS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, _MINUTE, 5 * _MINUTE, _HOUR, _DAY)
TAKEOVER_TIMES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, _MINUTE, 5 * _MINUTE, 30 * _MINUTE)
_DWELL_DAYS = (1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1825)
DWELL_TIMES = (_MINUTE, 5 * _MINUTE, 30 * _MINUTE, _HOUR, 6 * _HOUR, *(days * _DAY for days in _DWELL_DAYS))
BATCH_SIZES = (0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)
DELIVERY_TIMES = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 4 * _HOUR, _DAY)
REQUEST_TIMES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)
