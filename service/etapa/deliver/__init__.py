"""Delivery: campaign triggers from Kafka to webhooks, each at least once.

Here stands what Faust hosts: `process` runs the `delivery_service`, which puts everything together; `faust_consumer` and `catch_up` read
triggers. They give each to the dispatcher (`dispatch/`), which makes the attempts (`attempts/`) that the delivery file (`delivery_file/`) asks
for; `offsets/` keeps how far delivery is.

Every client is opened through the Kafka door, `stream.kafka.cluster`. All else that is named of aiokafka here is types and errors, and what
Faust's consumer thread is made of.
"""
