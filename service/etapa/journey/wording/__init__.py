"""Rules as sentences in a reader's language. What a language says comes as data; here is only how a condition is put together from it."""
