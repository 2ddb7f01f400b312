"""What `needle_tf.compare` measures: modes, and the work of each."""
