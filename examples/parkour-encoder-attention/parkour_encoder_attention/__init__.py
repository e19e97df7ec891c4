"""An attention encoder of the height scan for parkour-lab."""
