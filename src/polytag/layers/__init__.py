"""Parts that heads and methods are made of."""
