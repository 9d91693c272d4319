"""From measurements to verdicts to documents: targets, verdict, renderers."""
