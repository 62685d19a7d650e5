"""A Kafka cluster in memory, below the real client: what happens to individual requests and responses between a producer and its brokers.

Everything above a connection is real: aiokafka's client, sender, accumulator and transaction manager, and ours around them.
Everything below follows the protocol: a transaction coordinator, partition leaders, a group's offsets.
"""
