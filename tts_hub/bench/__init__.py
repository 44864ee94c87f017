"""The streaming benchmark: what a listener would notice, measured in the same way for all engines and faces.

`measures` defines each figure by one function, `targets` holds the faces, `running` makes the requests,
`result` holds the figures, and `comparing` says whether a difference is more than noise.
"""
