"""Side-by-side benchmarks on real servers. `make bench` runs them.

They open Kafka clients themselves, not through Etapa's door: what is measured is seen from outside, by the same means for every
contestant, and the bare client is one of them.
"""
