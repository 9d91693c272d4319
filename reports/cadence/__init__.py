"""Reports over a period, for those who read them: from stored rows to a small model, from the model to text or a page."""
