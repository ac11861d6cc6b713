"""Extractors of compression traces from pixel arrays: numpy, scipy and numba only, no file access, no models."""
