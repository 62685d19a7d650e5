"""The results of journey files' tests: for people, as JSON, and as JUnit XML."""
