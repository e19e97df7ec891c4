"""Links: how states come from a robot and commands go to it."""
