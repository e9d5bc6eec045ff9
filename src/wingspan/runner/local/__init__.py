"""Carry out a plan on this machine, in warm processes whose memory is watched."""
