"""Runs several workers on one machine as if they were one: started, restarted and stopped together, with one port and one set of metrics.

A worker is one process on one core. The consumer group divides the partitions among them as it does among workers on many machines,
so nothing here knows about partitions. The supervisor may die without harm: its workers stop when it is gone.
"""
