"""What the commands do, from the parts: reading, converting, normalizing, verifying, benchmarking, reporting."""
