"""``torchrun --nproc-per-node N -m fxtrain train DATASET RUN …``: the command line, in several processes."""

from __future__ import annotations

from fxcore.cli.app import app

if __name__ == "__main__":
    app(prog_name="fxtrain")
