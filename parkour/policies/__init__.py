"""What a policy provides, checkpoints, and the policy as it is deployed."""

from parkour.quick_imports import import_rsl_rl

# Before any module imports rsl-rl itself.
import_rsl_rl()
