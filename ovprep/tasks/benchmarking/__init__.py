"""`ovprep.benchmark`."""
