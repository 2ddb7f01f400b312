"""What is measured on trained networks, without training them further."""
