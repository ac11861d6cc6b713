"""How analyses are shown: text for people, JSON and CSV for programs. Each module turns results into a string, nothing
more.
"""
