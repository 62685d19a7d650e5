"""Side-by-side benchmarks on real servers. `make bench` runs them."""
