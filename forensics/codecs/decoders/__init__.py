"""Other ways from a coded file to pixels: decoders of other makers, upsampling and colour arithmetic of their own."""
