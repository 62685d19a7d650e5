"""What is remembered of touchpoints, in bounded entries of a customer's memory. No conditions."""
