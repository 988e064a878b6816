"""The gateway's speed, side by side with what one would pick instead: `make bench`.

Every system is asked the same questions, in turn, in front of the same upstream. Needs Linux: processor time and
memory are read from /proc.
"""
