"""`python -m ovprep`."""

from ovprep.cli import main

main()
