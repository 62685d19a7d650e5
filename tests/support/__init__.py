"""What tests of several rooms feed to what they test."""
