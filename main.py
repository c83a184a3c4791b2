"""Where `uvicorn main:app` finds the dashboard, whether or not the package is installed."""

import src  # noqa: F401 - puts our source folder on the path

from bot.api.main import app

__all__ = ["app"]
