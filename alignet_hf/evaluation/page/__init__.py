"""The report as one HTML file that opens from disk: scores, neighbours, triplets, figures, and how it was made."""
