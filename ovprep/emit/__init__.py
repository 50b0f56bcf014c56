"""Writers: the canonical graph becomes OpenVINO IR."""
