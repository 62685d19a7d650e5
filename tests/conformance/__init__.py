"""What every `Log` and every `View` must do, written once and run on the in-memory and the real implementations."""
