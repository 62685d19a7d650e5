"""Incoming records of `touchpoints`: decoding them to touchpoints, or giving the reason why not."""
