"""What is done in which order: stages, relaxation, resume."""
