"""docs/keras.md: its example runs."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "keras.md"


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, str(DOCUMENT), "exec"), {})
