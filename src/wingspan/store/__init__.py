"""Keep results on disk by key: names of types, values as bytes, and the folder of results."""
