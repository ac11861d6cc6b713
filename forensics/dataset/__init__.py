"""Data sets of real encoded files: sources, preparation, a plan of jobs, the builder, its manifest, and patches from
it.

Importing this package loads nothing; its README says which module does what.
"""
