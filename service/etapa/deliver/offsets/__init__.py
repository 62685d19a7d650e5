"""How far delivery is in each partition, and where it begins: kept so that nothing is skipped, whatever ends in the middle."""
