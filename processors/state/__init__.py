"""Where state is kept: the layout in Redis, the fenced write, and an in-memory stand-in behind one seam."""
