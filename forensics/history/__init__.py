"""Parameter recovery from pixels: one file a codec family or trace."""
