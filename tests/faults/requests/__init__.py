"""Individual Kafka requests and responses: held, lost, doubled or late, chosen by kind and sender, while all others pass.

The network of `tests/faults/installation/network.py` loses nothing and keeps the order. Here a fault hits one request of one producer
alone, which is what tears transactions when a request is sent twice.
"""
