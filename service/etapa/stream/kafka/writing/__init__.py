"""Producers: transactional ones with their fence, and how records are made to fit into what topics take."""
