"""The log behind the ports: Apache Kafka. Here stand the one door to it (`cluster`) and the words for its failures. It decides nothing that the protocol decides."""
