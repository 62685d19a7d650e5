"""Models of protocols, small enough to search every interleaving and every crash within bounds. No code of Etapa runs in them."""
