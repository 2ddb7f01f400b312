"""What is fast, measured side by side; never part of the tests."""
