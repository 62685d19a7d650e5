"""Etapa on a real Kafka and a real Redis."""
