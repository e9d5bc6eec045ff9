"""The execution point's side of a node: arrive.py takes in, run.py runs, hand_over.py gives back."""
