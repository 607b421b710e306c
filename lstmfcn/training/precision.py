"""In which precision does a network train? Float32, or bfloat16 convolutions where they are fast.

Weights, gradients' sums, batch statistics, LSTM, attention and the last layer are float32 in any
case; ``"bfloat16"`` rounds the activations and kernels of the convolution blocks to 8 significant
bits while training (Kalamkar et al., 2019, arXiv:1905.12322). A trained network always answers in
float32.
"""

import functools
from pathlib import Path

from lstmfcn.networks.backend import tf, with_attribute
from lstmfcn.networks.builders import is_convolutional

CPU_INSTRUCTIONS = {"amx_bf16", "avx512_bf16"}
FIRST_GPU = (8, 0)  # compute capability: Ampere


def resolve_precision(precision):
    """Return "bfloat16" or "float32": what "auto" means on this machine."""
    if precision == "auto":
        return "bfloat16" if has_fast_bfloat16() else "float32"
    return precision


@functools.cache
def has_fast_bfloat16():
    """Whether this machine multiplies bfloat16 in hardware: its GPU, if any, else its CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("compute_capability", (0, 0)) >= FIRST_GPU
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return bool(CPU_INSTRUCTIONS & set(flags.split()))


def computing_in(precision, model):
    """Let the convolution blocks compute in ``precision`` in what the body traces.

    The model's variables are float32 before, within and after.
    """
    layers = [layer for layer in model.layers if is_convolutional(layer, along_time=True)]
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    return with_attribute(layers, "dtype_policy", policy)
