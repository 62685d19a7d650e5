"""What is remembered about touchpoints, in bounded entries of a customer's memory. No conditions."""
