"""Keras layers: the bricks of embedded and locally connected networks."""
