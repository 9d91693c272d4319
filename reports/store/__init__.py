"""The history of runs, in SQLite or PostgreSQL: every run with its histograms, verdicts, errors and its whole document."""
