"""The report: one page of what `reports` reads and `figures` draws."""
