"""Where in a picture is looked, with what it is measured, and who judges."""

from forensics.former_paths import former_names

__getattr__ = former_names(__name__)
