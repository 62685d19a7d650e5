"""What was measured on the shipped journey. Written by `make bench-page` from bench/results; do not edit."""

STATE_BYTES = 158.0
"""Average size of an encoded customer state after ten touchpoints (`bench-memory`)."""

TIMED_SHARE = 0.479
"""Share of customers that have a timer (`bench-memory`)."""

CHANGES = 0.456
"""Stage changes for each touchpoint (`bench-scale`)."""

CHANGE_BYTES = 583.0
"""Size of a stage change in its topic, with its reasons and headers, uncompressed (`bench-scale`)."""

ALONE_MICROSECONDS = 4.75
"""Worker CPU for a touchpoint when no other one in the batch is from the same customer (`bench-growth`)."""

COLD_MICROSECONDS = 10.0
"""The same when the customer is not in memory and is read from Redis (`bench-growth`)."""

REDIS_MICROSECONDS = 2.44
"""Redis CPU for a touchpoint whose customer has no other one in the batch: the mean of a new, a known and a read customer."""

REBUILD_REDIS_MICROSECONDS = 4.34
"""Redis CPU for each customer that is loaded from the log into an empty Redis (`bench-recovery`)."""

REBUILD_MICROSECONDS = 0.641
"""What a worker takes for it beyond that: the part that does not overlap (`bench-recovery`)."""

WORKER_BASE_BYTES = 189000000.0
"""A worker's resident memory without customers (`bench-memory`)."""

WORKER_BYTES_KEPT = 1160.0
"""What is added for each customer that it keeps between batches (`bench-memory`)."""
