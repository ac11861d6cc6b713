"""A module that no process survives importing; for the tests of executors."""

import os

os._exit(3)
