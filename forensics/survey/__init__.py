"""Archives: every picture of many sources judged once, in a table that survives anything.

`survey` of `forensics.survey.run` lists the sources (`sources`), has an executor judge what the table does not hold
yet (`judging`) and writes rows part by part (`table`), under the schema of `schema`. `rules` is the language of
`--fail-if`, `gate` applies it to a table.
"""

LIMIT = 900.0
"""Seconds that one picture may take before its process counts as hanging: a hundred times the costliest measured (100
megapixels, 9 s).
"""
