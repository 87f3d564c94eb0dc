"""stub."""


class PictureUnfit(Exception):
    """x."""
