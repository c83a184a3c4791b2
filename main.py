"""Where `uvicorn main:app` finds the dashboard, from the repository's root and with or without our package installed."""

import src  # noqa: F401 - puts our source folder on the path
from bot.api.main import app

__all__ = ["app"]
