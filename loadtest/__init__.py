"""Load campaigns: Locust drives, an engine process per worker measures, the master judges."""
