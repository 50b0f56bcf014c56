"""What all tests share: frameworks that stay quiet, and property tests that do not fail for being slow."""

import os

from hypothesis import settings

# Set before anything imports TensorFlow, which reads them then.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

settings.register_profile("ovprep", deadline=None)
settings.load_profile("ovprep")
