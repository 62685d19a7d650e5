"""One partition of the topics, as the partition task sees it: the `Log` port on Kafka."""
