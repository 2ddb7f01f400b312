"""The report: one page per folder, made of what `reports` reads and draws."""
