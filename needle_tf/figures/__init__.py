"""Pictures of runs, sweeps and analyses, drawn from what `reports` reads."""
