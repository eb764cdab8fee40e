"""How long does a delivery stop take? From raw batches of orders to a model that may replace today's plan."""

__version__ = "0.1.0"
