"""Who says how much carbon a kilowatt-hour of a grid carries, now and in the next days."""
