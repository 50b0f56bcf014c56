"""Runs PyTorch modules for tests: a line of JSON in for each, a line out with what went wrong, or null.

A request has the `code` of a class Module, and the files `state`, `inputs` and `outputs`.
"""

import json
import sys
import traceback

import numpy as np
import torch
from torch import nn


def answer(request: dict[str, str]) -> None:
    """Loads the weights, all of them and no others, and runs the module."""
    names = {"torch": torch, "nn": nn, "F": nn.functional}
    exec(request["code"], names)
    module = names["Module"]().eval()
    state = {name: torch.from_numpy(array) for name, array in np.load(request["state"]).items()}
    module.load_state_dict(state, strict=True)
    with torch.no_grad():
        found = module(torch.from_numpy(np.load(request["inputs"])))
    np.save(request["outputs"], found.numpy())


for line in sys.stdin:
    try:
        answer(json.loads(line))
        error = None
    except (AttributeError, NameError, RuntimeError, TypeError, ValueError):
        error = traceback.format_exc()
    print(json.dumps(error), flush=True)
