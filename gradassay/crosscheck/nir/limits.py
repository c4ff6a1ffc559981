"""How much a NIR file may hold; what is larger is refused before it is read."""

MAX_FILE_BYTES = 2**28
MAX_TOTAL_BYTES = 2**28  # of all arrays together, in memory
MAX_CHUNKS = 100_000  # of one array
MAX_NODES = 10_000  # and edges, ten times as many
MAX_DEPTH = 8  # graphs within graphs
MAX_TEXT = 256  # characters of a name or a type
MAX_VALUES = 2**24  # of one value between two nodes
MAX_RECORD = 2**27  # entries of a run or a recording
CHUNK_CACHE_BYTES = 2**25  # a table read row by row is unpacked once
MAX_MEMORY_BYTES = 2**32  # of the process that reads
