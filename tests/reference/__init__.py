"""An independent second implementation: what a journey means, computed slowly and directly from the definitions."""
