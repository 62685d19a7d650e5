"""Real servers for tests, such as Apache Kafka, from Maven Central's jars, and Redis."""
