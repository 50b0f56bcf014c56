"""The search for the first op that differs, and the folder that shows it by itself."""
