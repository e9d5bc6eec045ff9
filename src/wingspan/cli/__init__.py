"""The command line, one small file per command group.

Each command reads its arguments, calls one public function and prints the result.
"""
