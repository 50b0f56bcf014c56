"""Why a loop stays a loop."""


class NotACell(Exception):
    """The message is the end of a sentence that begins with the loop: "adds up over its steps"."""
