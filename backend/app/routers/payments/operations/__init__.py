"""Operations: what operators and administrators run, read and repair."""
