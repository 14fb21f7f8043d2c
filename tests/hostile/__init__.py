"""Damaged files by the thousand, and a run of the program over them: ``python -m tests.hostile OUT``."""
