"""Records of `touchpoints` on their way in: what a touchpoint is made of, and why a record cannot be one."""
