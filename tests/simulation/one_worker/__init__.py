"""One worker on its partition without faults, driven step by step: a test for each behaviour."""
