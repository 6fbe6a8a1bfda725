"""`python -m alignet_hf`: the command line."""

from alignet_hf.cli import main

main()
