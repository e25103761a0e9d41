"""Torch modules that torch itself lacks. They are imported only when a network is built."""
