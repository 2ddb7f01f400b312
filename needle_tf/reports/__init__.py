"""Rows and tables from run folders, finished or still running."""
