"""`report.html`: one page, drawn from `report.json` alone."""
