"""Copy the model with the best precision (ties by F1) to the models folder."""

import json
import shutil
from pathlib import Path

scores = {name: json.loads(Path(f"{name}.json").read_text()) for name in ("logistic", "tree")}
best = max(scores, key=lambda name: (scores[name]["precision"], scores[name]["f1"]))
Path("models").mkdir(exist_ok=True)
shutil.copy(f"{best}.joblib", "models/best.joblib")
