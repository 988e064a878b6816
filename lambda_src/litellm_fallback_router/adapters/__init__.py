"""One file per outside system; they never import each other."""
