"""How our transactional producers talk to the brokers, where aiokafka's own way is not safe enough, or old.

Knows aiokafka and Kafka's protocol, nothing of ours. `sender` puts it into a producer; `once` is about what must not be sent again;
`wire`, `features`, `state` and `handlers` are the new transaction protocol (KIP-890): nothing is added to a transaction before
something is sent to it, and each end of a transaction raises the producer's epoch, so that no request can be taken for one of
another transaction. All of it takes the shape that aiokafka has itself.
"""
