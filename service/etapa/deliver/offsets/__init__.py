"""How far delivery has got in each partition, and where it begins: stored so that nothing is skipped when a process ends at any point."""
