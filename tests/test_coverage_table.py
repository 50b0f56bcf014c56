"""docs/layers.md says what the rules say, and leaves no public class out."""

import inspect
import sys
from pathlib import Path

import keras

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import coverage_table

from ovprep.frontends.keras.layers import RULES


def test_the_document_is_what_the_rules_say() -> None:
    text = coverage_table.document()
    assert coverage_table.DOCUMENT.read_text(encoding="utf-8") == text, "run scripts/coverage_table.py"
    for name, cls in inspect.getmembers(keras.layers, inspect.isclass):
        assert f"| `{name}` |" in text, cls


def test_no_reason_is_given_for_what_converts() -> None:
    assert not set(RULES) & set(coverage_table.NO_RULE)
    assert set(coverage_table.LIMITS) <= set(RULES)
