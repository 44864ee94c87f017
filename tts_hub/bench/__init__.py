"""The streaming benchmark: what a listener would notice, measured the same way for every engine and face.

`measures` defines each figure by one function; `targets` are the faces; `running` makes the requests;
`result` is what is kept; `comparing` says what a difference is worth.
"""
