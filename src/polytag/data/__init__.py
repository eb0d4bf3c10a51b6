"""Photos and their labels: readers, splits, decoding, augmentation, batches."""
