"""What OpenVINO's CPU plugin computes wrongly: a row for each defect, with the rewrite that avoids it."""
