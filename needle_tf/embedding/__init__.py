"""From a CNN to its fully or locally connected net, and back."""
