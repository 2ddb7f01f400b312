"""Keras callbacks that measure and write while a model trains."""
