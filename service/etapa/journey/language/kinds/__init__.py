"""The kinds of conditions, a file each: the data, the words, what follows from it. `conditions` is the table of all; `logic` reasons about several."""
