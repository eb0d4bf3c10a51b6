"""Methods beside each other in one honest table: paired seeds, an interval, a verdict."""
