"""The words everyone shares: ids, errors, metrics, samples, scenarios. Pure."""
