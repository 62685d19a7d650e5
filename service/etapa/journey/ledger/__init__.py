"""The ledger: how many customers moved, touched and felt what, by hour, stage and persona, in tables of whole numbers that add up.

Pure counting: a batch's `tally` is entered into the `pages` of a `ledger`, and a `report` is made of them. Everything is a sum of whole
numbers, so neither the cut of batches nor the order in which ledgers are merged and hours folded changes a total.
"""
