"""Images to train on: embedded sets, prepared sets, folders; as batches."""
