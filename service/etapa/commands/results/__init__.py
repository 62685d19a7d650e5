"""What the tests of journey files gave: for people, as JSON, and as JUnit has it."""
