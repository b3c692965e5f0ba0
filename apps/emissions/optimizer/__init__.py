"""Where, on what and when to run a job for the least carbon. Pure: data in, data out."""
