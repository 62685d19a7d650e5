"""Random histories of people with several ids, many thousands of them: what links make of two ids is what one id would have led to."""
