"""``python -m fxcore`` is ``fxray``."""

from fxcore.cli import main

if __name__ == "__main__":
    main()
