"""Origins: credit lines, notices, who had it first, how many report by themselves."""
