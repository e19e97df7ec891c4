"""A robot as USD: read from its MJCF (:mod:`.mjcf`), written (:mod:`.author`), kept (:mod:`.cache`)."""
