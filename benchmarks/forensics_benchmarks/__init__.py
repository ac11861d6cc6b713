"""Figures and speed of the toolkit beside public peers."""
