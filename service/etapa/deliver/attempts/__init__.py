"""What one attempt at delivering goes by: when it is made, where it may go, how it is signed, what its answer means."""
