"""Drops the axis of size one from models of one axis in two: `drop` has the pass, the rest one rule per op family."""
