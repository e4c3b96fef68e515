"""What operators do, with a reason, written down before it is done and once more when it is: decision 017.

`table` lists the actions, `perform` carries one out, `decide` is the second operator. Imports what `application` may.
"""
