"""The table of the command line: every sub-command with its line of help."""

from __future__ import annotations

COMMANDS = {
    "analyze": "Say whether pictures were ever lossily compressed, by which codec and how strongly.",
    "map": "Show where in a picture which compression shows, and regions that depart from the rest.",
    "reconstruct": "Rebuild the JPEG file that a picture was decoded from, block by block.",
    "compare": "Say whether two copies of a picture are the same, and which is nearer to the source.",
    "survey": "Judge every picture of archives once, into a table that goes on where it stopped.",
    "audit": "Test whether the compression history of a data set's files predicts their label.",
    "features": "Measure pictures with the extractors and write a table.",
    "codecs": "List the codecs, their versions and whether they run here.",
    "compress": "Compress a picture with a real encoder, by parameter, ratio, SSIM or size.",
    "dataset": "Build or show a data set of encoded pictures.",
    "train": "Train a model from a data set.",
    "bench": "Measure accuracy and speed on the grids.",
}
"""Every sub-command with its one line of help."""
