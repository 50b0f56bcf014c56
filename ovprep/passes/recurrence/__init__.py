"""Recovers LSTM, GRU and RNN from loops over time.

`recover` has the pass, `steps` reads Loop and Scan, `counting` their number of steps, `reading` the body as `forms`,
`cells` knows which forms are a cell, `recognise` finds the cells of a body, `proof` computes a step both ways, and
`emit` writes the operators.
"""
