"""Delivery: campaign triggers from Kafka to webhooks, each at least once.

`answers`, `backoff`, `breaker`, `beginning`, `progress`, `signature` and `plan` are pure: time and chance arrive as arguments. `webhook`,
`dead_letter_writer`, `progress_log`, `faust_consumer` and `catch_up` do the talking. `dispatcher` gives each trigger to the `target_queue` of its
target, which makes the attempts; `delivery_service` puts it all together, and `process` runs it.

Every client is opened through the Kafka door, `stream.kafka.cluster`. What is named of aiokafka here are types and errors, and what Faust's
consumer thread is made of.
"""
