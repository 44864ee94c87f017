"""The judgement of speech: is it understood, does it sound natural, are its times right.

`recogniser` writes down what it hears, `words` makes two writings comparable, and each file of `scores` defines
one measure. `measuring` applies them to one take, `running` to whole sets of `sentences`; `result` holds the
figures, `comparing` says whether two runs differ by more than chance, and `table` and `page` show them.
"""
