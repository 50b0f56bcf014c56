"""What both models are fed: test signals, and the user's own data."""
