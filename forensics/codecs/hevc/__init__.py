"""HEVC intra streams: their headers and units, and the libraries that encode and decode them."""
