"""What operators run beside the workers: dead letters, rebuilding, verifying. No part of a worker imports it."""
