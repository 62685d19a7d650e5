"""The ledger: counts of moves, touchpoints and feeling, by hour, stage and persona, in tables of whole numbers that add up.

Pure counting: a batch's `tally` is entered into the pages of a `ledger`, and a `report` is made from them. Everything is a sum of
whole numbers, so no total depends on how batches are cut, or on the order in which ledgers are merged and hours folded.
"""
