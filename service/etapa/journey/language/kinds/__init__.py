"""The kinds of conditions, a file each: the data, the words, what follows from it, and its row in the table of the loader."""
