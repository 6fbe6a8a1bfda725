"""The authors' released checkpoints and data: read without TensorFlow or JAX, converted to models of this package."""
