"""`python -m tapeline.cli`."""

from tapeline.cli.main import main

main()
