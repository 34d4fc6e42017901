"""One room per backend: the only rooms that may name a framework."""
