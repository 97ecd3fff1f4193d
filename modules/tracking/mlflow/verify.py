"""Uses the tracking server and the model registry as a client would. One JSON line per check; exit 1 at the first that fails.

Runs in the platform's own Python environment. Reads MLFLOW_TRACKING_URI, MLFLOW_REGISTRY_URI and, where the server asks for
them, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. Safe to repeat: it keeps the newest few runs and versions of its own.
"""

# ruff: noqa: INP001 - a script, run by path in another Python environment

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXPERIMENT = "deployer-verify"
MODEL = "deployer-verify-wine"
ALIAS = "champion"
GOOD = 0.9  # accuracy on wines the model has not seen; it reaches 0.96
KEEP = 3  # runs and versions of ours that stay
ATTEMPTS = 2  # a failed request is not repeated for minutes
REQUEST_TIMEOUT = 30  # seconds

Found = dict[str, Any]  # what earlier checks leave for later ones


def quiet_client() -> None:
    """Settings that must stand before mlflow is imported."""
    os.environ.update(
        MLFLOW_DISABLE_TELEMETRY="true",
        DO_NOT_TRACK="true",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES=str(ATTEMPTS),
        MLFLOW_HTTP_REQUEST_TIMEOUT=str(REQUEST_TIMEOUT),
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false",
        MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true",
        MLFLOW_LOGGING_LEVEL="ERROR",
        GIT_PYTHON_REFRESH="quiet",
    )
    warnings.simplefilter("ignore")


def expect(truth: object, otherwise: str) -> None:
    if not truth:
        raise AssertionError(otherwise)


def connect(found: Found) -> str:
    """The server answers an API call, not only its health page."""
    from mlflow import MlflowClient  # noqa: PLC0415 - its import is most of this script's time and counts as the first check's

    client = found["client"] = MlflowClient()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found["experiment"] = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
    return f"{os.environ['MLFLOW_TRACKING_URI']} answers; experiment {EXPERIMENT}"


def train(found: Found) -> str:
    """A scikit-learn model of the wine data: 178 wines, 13 measurements, 3 growers."""
    from sklearn.datasets import load_wine  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import train_test_split  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    x, y = load_wine(return_X_y=True)
    x_train, found["x"], y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=7, stratify=y)
    found["model"] = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500)).fit(x_train, y_train)
    found["accuracy"] = float(found["model"].score(found["x"], y_test))
    expect(found["accuracy"] > GOOD, f"the model is right on only {found['accuracy']:.0%} of the wines it has not seen")
    return f"{len(x_train)} wines to learn from, {found['accuracy']:.1%} right on {len(found['x'])} unseen ones"


def log_run(found: Found) -> str:
    """A run with parameters, a metric and an artifact, read back over the API and the artifact store."""
    import mlflow  # noqa: PLC0415

    text = json.dumps({"data": "wine", "accuracy": found["accuracy"]})
    with mlflow.start_run(experiment_id=found["experiment"], run_name="verify") as run:
        found["run"] = run.info.run_id
        mlflow.log_params({"C": 1.0, "max_iter": 500})
        mlflow.log_metric("accuracy", found["accuracy"])
        mlflow.log_text(text, "report.json")
    back = found["client"].get_run(found["run"]).data
    expect(back.metrics.get("accuracy") == found["accuracy"], f"the metric came back as {back.metrics.get('accuracy')}")
    expect(back.params == {"C": "1.0", "max_iter": "500"}, f"the parameters came back as {back.params}")
    path = mlflow.artifacts.download_artifacts(run_id=found["run"], artifact_path="report.json", dst_path=tempfile.mkdtemp())
    expect(Path(path).read_text(encoding="utf-8") == text, "the artifact came back changed")
    return f"run {found['run']}: 2 parameters, 1 metric, 1 artifact written and read back"


def register(found: Found) -> str:
    """The model goes into the artifact store and, as a new version, into the registry; the alias moves to it."""
    import mlflow.sklearn  # noqa: PLC0415
    import sklearn  # noqa: PLC0415
    from mlflow.models import infer_signature  # noqa: PLC0415

    signature = infer_signature(found["x"], found["model"].predict(found["x"]))
    with mlflow.start_run(run_id=found["run"]):
        info = mlflow.sklearn.log_model(
            found["model"],
            name="model",
            signature=signature,
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],  # told, not inferred: inferring starts a second Python
            registered_model_name=MODEL,
        )
    found["version"] = str(info.registered_model_version)
    found["client"].set_registered_model_alias(MODEL, ALIAS, found["version"])
    return f"{MODEL} version {found['version']}, alias {ALIAS}"


def load_back(found: Found) -> str:
    """Whoever asks for the champion gets this model, and it predicts what it predicted before."""
    import mlflow.sklearn  # noqa: PLC0415

    stands = found["client"].get_model_version_by_alias(MODEL, ALIAS)
    expect(stands.run_id == found["run"], f"alias {ALIAS} points to version {stands.version} of run {stands.run_id}")
    loaded = mlflow.sklearn.load_model(f"models:/{MODEL}@{ALIAS}")
    before, after = found["model"].predict_proba(found["x"]), loaded.predict_proba(found["x"])
    expect((before == after).all(), "the loaded model predicts something else than the trained one")
    return f"models:/{MODEL}@{ALIAS} predicts the same for all {len(before)} wines"


def tidy(found: Found) -> str:
    """Old runs and versions of this check go, the newest few stay."""
    client = found["client"]
    versions = sorted(client.search_model_versions(f"name = '{MODEL}'"), key=lambda each: int(each.version), reverse=True)
    runs = client.search_runs([found["experiment"]], order_by=["attributes.start_time DESC"])
    for version in versions[KEEP:]:
        client.delete_model_version(MODEL, version.version)
    for run in runs[KEEP:]:
        client.delete_run(run.info.run_id)
    return f"{min(len(runs), KEEP)} runs and {min(len(versions), KEEP)} versions kept"


CHECKS: dict[str, Callable[[Found], str]] = {
    "connect": connect,
    "train": train,
    "log a run": log_run,
    "register the model": register,
    "load it back and predict": load_back,
    "tidy up": tidy,
}


def report(check: str, started: float, detail: str, *, ok: bool) -> None:
    line = {"check": check, "ok": ok, "seconds": round(time.monotonic() - started, 3), "detail": detail}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> int:
    """0 when every check passed; else 1, and the last line's `detail` is the reason."""
    quiet_client()
    with tempfile.TemporaryDirectory(prefix="deployer-verify-") as folder:
        tempfile.tempdir = folder  # mlflow leaves what it downloads behind
        return run_checks({})


def run_checks(found: Found) -> int:
    for name, check in CHECKS.items():
        started = time.monotonic()
        try:
            detail = check(found)
        except Exception as error:  # noqa: BLE001 - whatever a client would run into is the answer
            report(name, started, f"{type(error).__name__}: {error}", ok=False)
            return 1
        report(name, started, detail, ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
