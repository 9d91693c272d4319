"""The history's schema, step by step; `reports.store.upgrade` takes the steps when a history is opened."""
