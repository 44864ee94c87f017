"""The judgement of speech: its words, its sound and its word times, measured.

`recogniser` turns speech into text, `words` makes two writings comparable, and each file of `scores` defines
one measure. `measuring` applies them to one take, `running` to whole sets of `sentences`; `result` holds the
figures, `comparing` says whether two runs differ by more than chance, and `summary` and `page` show them.
"""
