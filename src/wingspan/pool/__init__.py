"""Real HTCondor daemons in a private folder: installed without root, started and stopped as one personal pool."""
