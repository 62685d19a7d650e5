"""Real servers for tests: Apache Kafka from Maven Central's jars, and Redis. Nothing in here stands in for anything."""
