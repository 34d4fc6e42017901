"""From a description to source text: the half that all backends share."""
