"""A session seen on the page in the browser, in a window, and in films.

The page (:mod:`.shapes`) needs neither rendering nor a display: it is told the asset's shapes and where the links are.
Window (:mod:`.window`) and films (:mod:`.camera`) of Isaac Sim are Kit's rendering; the other backends have none and
borrow MuJoCo's (:mod:`.borrowed`).
"""
