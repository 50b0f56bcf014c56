"""What a conversion leaves behind: the output folder, `report.json`, `manifest.json`."""
