"""The published networks as builder functions, by name in a registry."""
