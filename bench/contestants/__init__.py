"""Who is measured: Etapa, its peers, and the least that could be done; each in a process of its own."""
