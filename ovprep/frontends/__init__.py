"""Readers: a file of each framework becomes a `Source`, read as data and never executed."""
