"""The log behind the ports: Apache Kafka. What the protocol decides is not decided here."""
