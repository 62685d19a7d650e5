"""Kafka's requests and answers one by one: held, lost, doubled, late, each by its kind and its sender, while all others pass.

The network of `tests/faults/installation/network.py` loses nothing and keeps the order. In here what belongs to one request of one producer
happens to it alone, which is what tears transactions when somebody sends a request twice.
"""
