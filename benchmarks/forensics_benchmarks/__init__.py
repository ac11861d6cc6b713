"""Figures and speed of the toolkit compared with public peers."""
