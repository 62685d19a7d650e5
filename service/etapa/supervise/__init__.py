"""Several workers on one machine as if they were one: started, restarted and stopped together, with one port and one set of metrics.

A worker is one process on one core. The group shares the partitions out among them as among workers of many machines, so
nothing here knows of partitions, and the supervisor may die without harm: its workers stop when it is gone.
"""
