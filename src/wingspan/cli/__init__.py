"""The command line: one small file per command group; each reads arguments, calls one public function, prints."""
