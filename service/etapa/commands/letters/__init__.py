"""What the commands about dead letters of either topic share: which are meant, how one is shown, and the way back."""
