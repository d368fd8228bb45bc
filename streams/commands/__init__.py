"""The groups of the command line, one file each. Only typer is imported at the top: `--help` must be fast."""
