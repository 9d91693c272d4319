"""A real Chromium as a reference participant: it joins on the shim's page, and its getStats() speaks in our metrics."""
