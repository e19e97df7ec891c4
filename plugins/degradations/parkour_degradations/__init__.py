"""The built-in degradations of the gauntlet."""
