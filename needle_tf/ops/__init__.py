"""Stateless math on tensors: no state, no files, no models."""
