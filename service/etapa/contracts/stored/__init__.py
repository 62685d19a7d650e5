"""What is kept in topics of ours, to go on from: customer states, the mark, reclassifications, how far delivery is."""
