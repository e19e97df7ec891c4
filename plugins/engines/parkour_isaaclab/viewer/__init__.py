"""A session seen in Isaac Sim's window, in films of its viewport, and on the page in the browser.

The page (:mod:`.shapes`) needs neither rendering nor a display: it is told the asset's shapes and where the links are.
Window (:mod:`.window`) and films (:mod:`.camera`) are Isaac Sim's rendering.
"""
