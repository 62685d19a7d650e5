"""The effect of a campaign: the customers it reached compared with its holdout group, in figures that stay valid however often you look.

Pure arithmetic on sums: no customers, files, servers or printing.
"""
