"""Training: its parts, whole runs, their edges, and what they are judged by."""
