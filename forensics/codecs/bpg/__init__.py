"""BPG: the codec, its container and its colours."""

from forensics.former_paths import former_names

__getattr__ = former_names(__name__)
