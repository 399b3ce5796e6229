"""The systems of the product, one Django app each; they meet through services, selectors and events."""
