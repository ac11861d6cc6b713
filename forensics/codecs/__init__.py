"""Real encoders and decoders of every class, behind one contract and one registry.

`forensics.codecs.base` states the contract, `forensics.codecs.registry` lists what there is; each other module holds
one codec. Importing this package loads no codec library: a codec's module is imported when it is first asked for, and
the library behind it when it is first used.
"""

from forensics.codecs.base import Availability, Codec, Strength, Switch
from forensics.codecs.registry import codecs_of, get, names, sniff

__all__ = ["Availability", "Codec", "Strength", "Switch", "codecs_of", "get", "names", "sniff"]
