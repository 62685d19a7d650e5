"""What takes the measurements: of the batch path without servers, of a worker as it grows, of memory, and of bytes in topics."""
