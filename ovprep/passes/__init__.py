"""Passes over the canonical graph, one per file; `pipeline` has their order."""
