"""From an open picture to the verdict on it: measured, judged, held against the container, and put into words."""
