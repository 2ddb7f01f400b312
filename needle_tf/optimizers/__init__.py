"""What trains a network: optimizers by name, and the options they read."""
