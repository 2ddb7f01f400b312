"""Which units of a model share a positive scale, and what follows from it."""
