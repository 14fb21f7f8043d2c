"""The benchmarks: every claim of speed, side by side with what an expert would have written instead."""
