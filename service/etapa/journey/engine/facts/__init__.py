"""What the engine reads, keeps and produces: touchpoints, customers, stage changes, and their times. No rules."""
