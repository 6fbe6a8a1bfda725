"""Vision tests on frozen representations: an encoder embeds each image once, and every test reads those rows."""
