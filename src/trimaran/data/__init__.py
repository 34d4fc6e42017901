"""From files and arrays to batches: sources, splits, fitted preprocessing, augmentation."""
