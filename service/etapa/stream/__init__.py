"""The shell around the core: one task per partition, three small ports, and Kafka, Redis and Faust behind them."""
