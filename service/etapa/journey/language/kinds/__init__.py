"""The kinds of conditions, a file each: the data, the words, what follows from it. `table` lists them all; `logic` reasons about several."""
