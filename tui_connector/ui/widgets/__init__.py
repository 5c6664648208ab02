"""What screens are made of: blocks of lines, lists with a cursor, panel heads, the bars, the prompt."""
