"""One worker on its partition in fair weather, driven step by step: a test for each behaviour."""
