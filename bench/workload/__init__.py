"""What is fed to whatever is measured: made-up touchpoints, the same for the same seed, and what must become of them."""
