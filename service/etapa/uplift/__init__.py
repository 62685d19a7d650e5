"""What a campaign did: the customers it reached beside its control group, in figures that may be looked at as often as one likes.

Pure arithmetic on sums: no customers, no files, no servers, nothing printed.
"""
