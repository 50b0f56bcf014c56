"""What libraries say, as a part of one sentence."""


def first_line(error: Exception) -> str:
    """The first line of a library's message, without its end stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
