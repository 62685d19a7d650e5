"""The faults: what happens to Kafka, Redis, the network and workers, by name."""
