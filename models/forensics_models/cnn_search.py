"""Search for a better recipe of the network with Optuna; resumable, its journal is JSON lines.

Every trial trains for a short budget and is judged by its lowest validation loss, so what is found is best for short
runs: rates and sizes that learn fast. A trial that was killed is run again first, from its own last checkpoint.

References
----------
.. [1] T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, "Optuna: a next-generation hyperparameter optimization
       framework", KDD 2019,
   doi:10.1145/3292500.3330701.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from forensics_models.cnn_data import PatchTable
from forensics_models.cnn_evaluation import write_table
from forensics_models.cnn_training import CnnRecipe, fit

JOURNAL_FILE = "journal.jsonl"
TABLE_FILE = "search.csv"
STUDY = "cnn"


def suggest(trial: Any, recipe: CnnRecipe) -> CnnRecipe:
    """A recipe with what is searched for taken from an Optuna trial, and all else from `recipe`."""
    architecture = replace(
        recipe.architecture,
        channels=trial.suggest_categorical("channels", [8, 12, 16, 24]),
        layers=trial.suggest_int("layers", 0, 3),
        phase_channels=trial.suggest_categorical("phase_channels", [8, 12, 24]),
        hidden=trial.suggest_categorical("hidden", [96, 160, 256]),
        dropout=trial.suggest_float("dropout", 0.0, 0.3),
    )
    return replace(
        recipe,
        architecture=architecture,
        learning_rate=trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-5, 3e-2, log=True),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.1),
    )


def search(
    train: PatchTable,
    validation: PatchTable,
    folder: Path,
    *,
    trials: int,
    recipe: CnnRecipe,
    report: Callable[[str], None] = lambda line: None,
) -> CnnRecipe:
    """Run trials until `trials` are complete, and give the best recipe with the budget of `recipe`.

    Parameters
    ----------
    train, validation : PatchTable
    folder : Path
        Keeps the journal, a folder a trial, and the table `search.csv`; a search that was interrupted there goes on.
    trials : int
        Complete trials wanted, those of earlier runs included.
    recipe : CnnRecipe
        Budget of each trial, and all that is not searched for.
    report : callable
        Gets progress lines.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL_FILE)))
    study = optuna.create_study(
        storage=storage,
        study_name=STUDY,
        direction="minimize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=recipe.seed),
    )
    _requeue(study)

    def objective(trial: Any) -> float:
        wanted = suggest(trial, recipe)
        _, progress = fit(
            train, validation, folder / _trial_name(trial.params), recipe=wanted, report=lambda line: None
        )
        trial.set_user_attr("epochs", progress.epoch)
        trial.set_user_attr("minutes", round(progress.seconds / 60, 2))
        trial.set_user_attr("accuracy", max(row["val_accuracy"] for row in progress.curves))
        return progress.best_loss

    while len(_complete(study)) < trials:
        study.optimize(objective, n_trials=1)
        write_table(folder / TABLE_FILE, table(study))
        report(f"trial {len(_complete(study))} of {trials}: best validation loss {study.best_value:.4f}")
    write_table(folder / TABLE_FILE, table(study))
    return suggest(optuna.trial.FixedTrial(study.best_params), recipe)


def table(study: Any) -> list[dict[str, Any]]:
    """The complete trials, best first: a row each with its loss, its parameters, and what it cost."""
    rows = [
        {"trial": trial.number, "val_loss": trial.value, **trial.user_attrs, **trial.params}
        for trial in sorted(_complete(study), key=lambda trial: trial.value)
    ]
    return [
        {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()} for row in rows
    ]


def _complete(study: Any) -> list[Any]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _requeue(study: Any) -> None:
    """Give up trials that a killed run left behind, and put their parameters at the head of the queue."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)


def _trial_name(parameters: dict[str, Any]) -> str:
    """A folder name for a trial's parameters, the same when it is run again."""
    return "trial-" + hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:12]
