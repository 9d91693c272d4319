"""Target profiles: what a platform promised, as data. The grammar is documented in docs/targets.md."""
