"""Delivery: campaign triggers from Kafka to webhooks, each at least once.

`answers`, `backoff`, `breaker`, `progress`, `signature` and `plan` are pure: time and chance arrive as arguments. `webhook`, `letters`,
`faust_consumer` and `catch_up` do the talking; `courier` and `desk` put the two together; `deliverer` runs it all.
"""
