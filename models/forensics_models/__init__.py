"""Trained judges of compression history: they take arrays, never paths of data sets or codecs."""
