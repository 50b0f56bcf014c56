"""Layout: where Transposes go, decided by one minimum cut and then applied to the graph."""
