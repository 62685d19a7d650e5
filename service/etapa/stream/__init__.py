"""The shell around the core: one task a partition against three small ports, and Kafka, Redis and Faust behind them."""
