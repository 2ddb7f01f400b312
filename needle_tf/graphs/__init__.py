"""What the wiring of a Keras model says, and how to change it."""
