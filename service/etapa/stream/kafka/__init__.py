"""The log behind the ports: Apache Kafka. Holds the one door to it (`cluster`) and the words for its failures.

It makes no decisions of the protocol.
"""
