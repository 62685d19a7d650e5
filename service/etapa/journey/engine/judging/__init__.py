"""A journey as a compiled program, and one step of judging a customer by it: stage changes, campaigns, explanations. One customer at a time."""
