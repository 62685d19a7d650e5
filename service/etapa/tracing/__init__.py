"""OpenTelemetry spans of batches and deliveries, for who asks for them. Nothing in here is imported while they are off."""
