"""What every test may ask for: real servers, started at the first test that needs them."""

from tests.servers.fixtures import kafka_server, redis_cluster, redis_sentinel, redis_server

__all__ = ["kafka_server", "redis_cluster", "redis_sentinel", "redis_server"]
