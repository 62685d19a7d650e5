"""Transactional producers and their fence, and fitting records into the batch sizes that topics accept."""
