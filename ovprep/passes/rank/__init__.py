"""Lifts a model from rank 3 to an explicit rank 4: `lift` has the pass, the rest one rule per op family."""
