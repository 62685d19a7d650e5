"""How a thing is measured: the batch path without servers, a worker as it grows, memory, and bytes in topics."""
