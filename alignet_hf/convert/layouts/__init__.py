"""What lists of variables mean: one file a layout, each a tree of names and shapes and its way into transformers."""
