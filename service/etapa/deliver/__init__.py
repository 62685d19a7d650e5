"""Delivery: campaign triggers from Kafka to webhooks, each at least once.

The modules of this folder are what Faust hosts: `process` runs the `delivery_service`, which puts everything together; `faust_consumer` and
`catch_up` read triggers and pass each one to the dispatcher (`dispatch/`). The dispatcher makes the attempts (`attempts/`) that the delivery
file (`delivery_file/`) asks for, and `offsets/` stores how far delivery has got.

Every client is opened through the Kafka door, `stream.kafka.cluster`. Everything else imported from aiokafka here is types, errors, and
what Faust's consumer thread is built on.
"""
