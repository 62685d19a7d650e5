"""The kinds of conditions, one file each: their data, their words, what follows from them. `table` lists all kinds; `logic` compares conditions."""
