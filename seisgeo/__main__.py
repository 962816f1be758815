"""``python -m seisgeo``: the command line, where its script is not on the path."""

from seisgeo.cli import main

if __name__ == "__main__":
    main()
