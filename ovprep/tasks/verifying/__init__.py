"""`ovprep.verify` and its certificates."""
