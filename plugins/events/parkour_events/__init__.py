"""The built-in randomisations."""
