"""How our transactional producers talk to the brokers where aiokafka's own way is not safe enough, or outdated.

It knows aiokafka and Kafka's protocol, but nothing of Etapa. `sender` installs it in a producer; `once` handles requests that must not
be repeated; `wire`, `features`, `producer_state` and `handlers` are the new transaction protocol (KIP-890): partitions join a
transaction by what is sent to them, and each end of a transaction raises the producer's epoch, so that no request can be mistaken
for one of another transaction. All of it has the same structure as aiokafka's own code.
"""
