"""Tables and pictures from run folders, finished or still running."""
