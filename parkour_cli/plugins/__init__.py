"""``parkour plugins``: what is installed and what it provides, whether a plugin keeps its contracts, and new ones."""

from __future__ import annotations

from parkour.commands import make_app
from parkour_cli.plugins.check import check
from parkour_cli.plugins.listing import find_any, list_plugins, show_plugin
from parkour_cli.plugins.new import new

app = make_app("List plugins, show what they provide, check them, and write new ones.")
app.command("list")(list_plugins)
app.command("show")(show_plugin)
app.command("check")(check)
app.command("new")(new)

__all__ = ["app", "find_any"]
