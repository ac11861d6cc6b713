"""How a picture was compressed, from its pixels alone: parameters, traces as evidence, and generations."""
