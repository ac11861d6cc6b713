"""Where in a picture which compression shows: a map of window verdicts, the regions that depart from the rest, and
their files.
"""
