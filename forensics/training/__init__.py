"""A data set to trained trees, parameter estimators, network, and their fusion."""

from forensics.former_paths import former_names

__getattr__ = former_names(__name__)
