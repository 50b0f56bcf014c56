"""Loads what is read by its own framework alone; everything but `plugins` runs in child processes."""
