"""Origins: whose text an article is, and how many outlets of a story report by themselves.

`names` knows agencies and sources, `credits` reads credit lines, `notices` correction notices, `deciding` says who the
origin of each article is, `reach` counts; all of these are pure. `assess` stores the answers.
"""
