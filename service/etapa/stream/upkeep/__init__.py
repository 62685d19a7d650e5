"""What operators run beside the workers: dead letters, rebuilding, verifying. Nothing of a worker imports it."""
