"""From states to commands: the state machine, its poses, its watchdogs, and the loop that runs them."""
