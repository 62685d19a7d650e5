"""Records as other systems write them become touchpoints, by a mapping file: declarative, bounded, never code."""
