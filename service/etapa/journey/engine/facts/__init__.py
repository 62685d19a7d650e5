"""What the engine takes in, keeps of a customer and gives out: touchpoints, customers, stage changes, and their times. No rules."""
