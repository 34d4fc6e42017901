"""How JAX runs what the worker traces."""
