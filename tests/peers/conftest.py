import sys
from pathlib import Path

# The scripts here run in environments of their own, so they and their tests find each other by their folder.
sys.path.insert(0, str(Path(__file__).parent))
