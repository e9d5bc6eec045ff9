"""Results on disk, by key: how a type is named, how a value becomes bytes, where they are kept."""
