"""The partition task in a world determined by a seed: its time, its interleaving, its faults. No real clock, no thread, no server."""
