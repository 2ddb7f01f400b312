"""Tests, laid out like the package; set up here for pytest and `-m` alike."""

import os

import hypothesis

# Before any library reads them. TF32 keeps 10 bits of a float32: with it on,
# "the same function" cannot be tested to 1e-5.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Only with it do convolutions take channels first on a CPU.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
os.environ.setdefault("MPLBACKEND", "Agg")
# What XLA compiles, for TensorFlow and JAX, is run a few times here: to make it
# fast takes longer than it saves.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0"
    " --xla_llvm_disable_expensive_passes=true",
)

# No deadline: the first example of a shape pays for tracing it.
hypothesis.settings.register_profile(
    "needle_tf", deadline=None, derandomize=True, max_examples=6
)
hypothesis.settings.load_profile("needle_tf")
