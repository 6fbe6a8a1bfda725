"""What is on disk and on the Hub: images, triplets, batches."""
