"""The charts of the page, one file for each kind of question; each is None where the report has nothing to draw."""
