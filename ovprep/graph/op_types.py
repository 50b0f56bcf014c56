"""Op types that go together."""

RECURRENT = ("GRU", "LSTM", "RNN")
