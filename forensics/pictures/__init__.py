"""Opening picture files safely: facts before decoding, limits, one clear line for each refusal."""
