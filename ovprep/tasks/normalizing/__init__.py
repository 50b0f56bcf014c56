"""`ovprep.normalize` and `ovprep.to_keras`: models as other model files."""
