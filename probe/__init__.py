"""meetprobe: measures whether video meetings work, from the first packet to the verdict."""

__version__ = "0.1.0"
