"""What is measured: Etapa, its peers, and the least work possible; each in a process of its own."""
