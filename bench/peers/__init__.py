"""What fxray is held against, by the benchmarks for speed and by the parity tests for agreement."""
