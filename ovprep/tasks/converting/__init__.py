"""`ovprep.convert`: from a model that was read to a folder with an IR, examined."""
