"""Operations, memory and time of an update."""
