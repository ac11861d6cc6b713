"""Containers beyond the first thirteen formats, one file each; `formats` lists them."""
