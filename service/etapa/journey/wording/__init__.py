"""Rules as sentences in the reader's language. The phrases of a language are data; this room only combines them."""
