"""What the installation has to carry: a steady load, or more than it can."""
