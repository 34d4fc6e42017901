"""The steps of a run, which `trimaran.workflow` tells in their order."""
