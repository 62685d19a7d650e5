"""What the benches feed in: made-up touchpoints, the same for the same seed, and the stages that they must lead to."""
