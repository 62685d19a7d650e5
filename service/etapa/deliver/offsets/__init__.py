"""How far delivery has got in each partition, and where it begins: stored so that nothing is skipped, whenever a process ends."""
