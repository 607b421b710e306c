"""What does a run on emotions show on one page? HTML that needs no other file and no network."""

import json

import numpy as np

from lstmfcn.emotion.attention_maps import ATTENTION, draw_clips, read_attention
from lstmfcn.emotion.recipe import MODELS
from lstmfcn.emotion.report_errors import DASH, missed, speakers
from lstmfcn.emotion.run_results import read_results
from lstmfcn.emotion.splits import HELD_OUT
from lstmfcn.evaluation.bootstrap import FEW_GROUPS
from lstmfcn.evaluation.class_scores import CLASS_METRICS
from lstmfcn.evaluation.counts import majority
from lstmfcn.evaluation.intervals import mean_interval
from lstmfcn.evaluation.robustness import CORRUPTIONS
from lstmfcn.files import atomic_path, check_writable
from lstmfcn.plots.display import new_figure
from lstmfcn.plots.robustness import RobustnessDisplay
from lstmfcn.report.elements import drawing, image, page, table, tag
from lstmfcn.untrusted import listed

RECORDED = {"uar": "balanced_accuracy", "weighted_f1": "weighted_f1", "accuracy": "accuracy"}
OPEN_METRICS = {"average": "average", "accuracy": "set accuracy", "set_recall": "set recall"}
TRACKS = {
    "full": "labelled clips alone",
    "semi": "few labelled clips; clips without a label may help",
    "noise": "the test clips have noise",
    "ov": "open vocabulary: any emotion words, made of a model's classes",
}
KINDS = {  # of models, in half a sentence
    "lstmfcn": "a recurrent network (LSTM) and a convolutional one read the features side by side",
    "alstmfcn": "an LSTM with attention and a convolutional network read the features side by side",
    "fcn": "a convolutional network reads the features",
    "ensemble": "several ALSTM-FCNs, whose probabilities are averaged",
    "attention": "the baseline of MERTools: feature sets weighted by attention",
    "svm": "a linear support vector machine on one vector per clip (of frames: mean and deviation)",
    "logreg": "a logistic regression on one vector per clip (of frames: mean and deviation)",
}
GROUPS = ("speaker", "actor", "subject", "session", "dialogue", "video")  # words of English
MOST_MAPPED = 6  # models whose maps are drawn: each picture takes a tenth of a second
STYLE = """
section { overflow-wrap: anywhere; }
td small { display: block; color: var(--soft); }
.scroll .facts th { text-align: left; vertical-align: top; white-space: nowrap; min-width: 0; }
.facts td, .said td:last-child { text-align: left; white-space: normal; }
.side { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; align-items: flex-start; }
.side > * { max-width: 100%; }
.scroll thead th, .side th { overflow-wrap: normal; }
@media (max-width: 40rem) { td small span { display: block; } }
.clips { display: grid; gap: .8rem 1.5rem; max-width: 62rem; grid-template-columns: 1fr 1fr; }
@media (max-width: 45rem) { .clips { grid-template-columns: 1fr; } .clips .none { display: none; } }
.clips figure, .side figure { margin: .4rem 0; }
figure > img { display: block; max-width: 100%; height: auto; filter: var(--drawn); }
.scale { display: inline-block; width: 7rem; height: .8rem; vertical-align: middle;
  filter: var(--drawn); }
.bar { display: inline-block; height: .7rem; background: #3f8fd2; vertical-align: middle; }
summary { cursor: pointer; margin: .6rem 0; }
"""


def write_emotion_page(results):
    """Write `report.html` about all models in a folder of results.

    Parameters
    ----------
    results : lstmfcn.evaluation.Results
        The folder that `lstmfcn emotion run` has made.

    Raises
    ------
    OSError, ValueError
        If the page cannot be written, or records cannot be read.
    """
    path = results.folder / "report.html"
    check_writable(path)
    scored, corpora = read_results(results), {}
    for one in scored:
        corpora.setdefault((one.corpus, one.track), []).append(one)
    sections = [part for some in corpora.values() for part in _corpus(some, len(corpora) > 1)]
    sections.append(("How it was made", [_made(scored)]))
    names = ", ".join(dict.fromkeys(corpus for corpus, _ in corpora))
    with atomic_path(path) as temporary:
        text = page(f"Emotion recognition: {names}", sections, STYLE)
        temporary.write_text(text, encoding="utf-8")


def _corpus(scored, is_one_of_several):
    """Return the headings and contents about one corpus and track."""
    where = f": {scored[0].corpus}, {scored[0].track}" if is_one_of_several else ""
    mapped = {one.folder: one for one in reversed(scored)}  # maps are of a model's first test clips
    sections = {
        "What was asked": _asked(scored),
        "Scores": _scores(scored),
        "Emotions": _each(scored, _emotions),
        "Noise and losses": _robustness(scored),
        "When in a clip": _each(list(mapped.values())[::-1][:MOST_MAPPED], _time),
        "Speakers": _each(scored, speakers),
        "Missed clips": _each(scored, missed),
    }
    return [(title + where, parts) for title, parts in sections.items() if parts]


def _each(scored, draw):
    """Return what is drawn of each model: of several, the first is open, the others are folded."""
    drawn = [(one.title, parts) for one in scored if (parts := draw(one))]
    if len(drawn) == 1:
        return drawn[0][1]
    return [
        tag("details", tag("summary", title), *parts, open=None if i else "")
        for i, (title, parts) in enumerate(drawn)
    ]


def _facts(facts):
    """Return a table of names and values, without those that are empty."""
    rows = [
        [tag("th", name, scope="row"), tag("td", value)] for name, value in facts.items() if value
    ]
    return table([], rows, class_="facts")


def _asked(scored):
    """Say which clips, splits, features and models there are."""
    first, records = scored[0], [record for one in scored for record in one.records]
    trained = f"{max(record['n_train'] for record in first.records)} clips"
    trained += " in the largest fold" if first.has_folds else ""
    if n_unlabelled := max(record.get("n_unlabelled") or 0 for record in records):
        trained += f", and {n_unlabelled} without a label"
    emotions = ""
    if first.clips is not None:
        pairs = zip(*np.unique(first.clips.y_true, return_counts=True), strict=True)
        emotions = ", ".join(f"{label} ({n} clips)" for label, n in pairs)
    members = [member for one in scored for member in one.recipe.members]
    models = {one.model: _kind(one) for one in scored}
    n_seeds = max(len(one.records) for one in scored)
    facts = {
        "Corpus": first.corpus,
        "Track": f"{first.track}: {TRACKS.get(first.track, '')}",
        "Trained on": trained,
        "Scored on": "; ".join(map(_scored_on, {one.test: one for one in scored}.values())),
        "Split": "; ".join(dict.fromkeys(map(_split, scored))),
        "Emotions": emotions,
        "Left out": "; ".join(dict.fromkeys(text for one in scored for text in _left_out(one))),
        "Features": ", ".join(dict.fromkeys(_feature(n) for one in members for n in one.features)),
        "Models": [tag("div", tag("b", name), f": {kind}") for name, kind in models.items()],
        "Seeds": f"{n_seeds}; a seed is a training of its own, from other random numbers",
    }
    return [_facts(facts)]


def _feature(name):
    """Say what a suffix of MER2024's means."""
    kinds = {"FRA": " (of each frame)", "UTT": " (one vector of each clip)"}
    return name + kinds.get(name[-3:], "")


def _left_out(one):
    """Yield which clips are not used, in words."""
    left_out = one.records[0].get("left_out") or {"clips": [], "emotions": {}}
    if clips := left_out["clips"]:
        yield f"{len(clips)} without features ({listed(clips, 10)})"
    yield from (f"{n} of {label}" for label, n in sorted(left_out["emotions"].items()))


def _scored_on(one):
    text = f"{one.records[0]['n_test']} clips ({one.test})"
    if one.clips is not None and one.clips.groups is not None:
        text += f" of {_several(len(set(one.clips.groups.tolist())), one.group)}"
    return text


def _split(one):
    if one.test == HELD_OUT:
        return "no test clips are labelled: a fifth of the training clips is held out"
    if not one.has_folds:
        return "the corpus' own: no model is trained on a test clip"
    text = f"{one.test}: each training holds out one part, and all parts are scored together"
    alone = "" if one.group else "; a speaker may be in training and in the part that is held out"
    return text + alone


def _kind(one):
    """Say what a model is, and how it is trained."""
    said = dict.fromkeys("; ".join(_words(member)) for member in one.recipe.members)
    return " \N{EM DASH} averaged with: ".join(said)


def _words(recipe):
    """Yield what a recipe is, and what of its training differs from the defaults, in words."""
    yield KINDS.get(recipe.model, MODELS[recipe.model][0])
    if recipe.fusion:
        yield f"{recipe.fusion} fusion of {len(recipe.features)} feature sets"
    for value, text in (
        (recipe.standardize_by, f"features standardised by {recipe.standardize_by}"),
        (recipe.n_copies, f"augmented copies of each training clip: {recipe.n_copies}"),
        (recipe.n_babble, f"copies with others talking in the background: {recipe.n_babble}"),
        (any(recipe.context), f"with {' and '.join(map(str, recipe.context))} utterances around"),
        (recipe.n_mixed, "trained on mixtures of clips"),
        (recipe.pseudo_labels, "learns from clips without a label, too (pseudo-labels)"),
        (recipe.n_epochs, f"{recipe.n_epochs} epochs"),
        (recipe.n_timepoints, f"sequences of {recipe.n_timepoints} timepoints"),
    ):
        if value:
            yield text


def _scores(scored):
    """Explain the scores, and return their table."""
    is_open, rows = scored[0].track == "ov", []
    titles = OPEN_METRICS if is_open else CLASS_METRICS
    for one in scored:
        if len(one.records) > 1 or one.scores is None:
            rows.append(_row_of_seeds(one, titles, is_open))
        if one.scores is not None:
            rows.append(_row_of_predictions(one))
    if scored[0].scores is not None:
        rows.append(_row_of_majority(scored[0]))
    return [*_explained(scored, is_open), table(["", *titles.values()], rows, id="scores")]


def _row_of_seeds(one, titles, is_open):
    """Return the means of the seeds' scores, and their intervals."""
    cells = []
    for name in titles:
        values = [record[name if is_open else RECORDED[name]] for record in one.records]
        low, high = mean_interval(values)
        bounds = {} if len(values) < 2 else {"seeds": (max(low, 0.0), min(high, 1.0))}
        cells.append(_cell(float(np.mean(values)), bounds))
    note = f"mean of {len(one.records)} seeds" if len(one.records) > 1 else "one seed"
    return [tag("td", one.title, tag("small", note)), *cells]


def _row_of_predictions(one):
    """Return the scores of the predictions of all seeds together, and their intervals."""
    n = len(one.records)
    note = "one seed" if n == 1 else f"{n} seeds together, as in {one.clips.source}"
    cells = [
        _cell(score["value"], {"clips": score["clips"], _plural(one.group): score["groups"]})
        for score in one.scores.scores.values()
    ]
    return [tag("td", one.title, tag("small", note)), *cells]


def _row_of_majority(one):
    labels, counts = np.unique(one.clips.y_true, return_counts=True)
    name = f"always {labels[counts.argmax()]}, {one.test}"
    values = [majority(counts)[name] for name in ("uar", "waf", "accuracy")]
    return [tag("td", name, class_="soft"), *(f"{value:.3f}" for value in values)]


def _cell(value, bounds):
    """Return a cell of a score, with its intervals below."""
    known = {over: ends for over, ends in bounds.items() if ends is not None}
    intervals = [
        tag("small", tag("span", over), f" {low:.3f}{DASH}{high:.3f}")
        for over, (low, high) in known.items()
    ]
    return tag("td", tag("b", f"{value:.3f}"), *intervals)


def _explained(scored, is_open):
    """Say in words what the scores and intervals are."""
    several = max(len(one.records) for one in scored) > 1
    if is_open:
        return [
            tag(
                "p",
                "Set accuracy is the fraction of the named words that are true, set recall the "
                "fraction of the true words that are named. Both are means over the clips.",
            )
        ]
    groups = {one.group: one.scores.n_groups for one in scored if one.scores and one.group}
    intervals = ["over clips: had other clips been recorded (bootstrap)"]
    intervals += [f"over {g}: had others been recorded (bootstrap)" for g in map(_plural, groups)]
    intervals += ["over seeds: had the training drawn other numbers (Student)"] * several
    text = (
        "UAR, the unweighted average recall, is the mean of the emotions' recalls: a rare emotion "
        "counts as much as a frequent one. Weighted F1 weights the emotions' F1 by their clips. "
        f"Small numbers are 95 % intervals, {'; '.join(intervals)}."
    )
    parts = [tag("p", text)]
    if several:
        text = (
            "Seeds together: the probabilities of all seeds are averaged before the decision. This "
            "is another model than one seed alone. All that follows is of these predictions."
        )
        parts.append(tag("p", text))
    for group, n in groups.items():
        if n < FEW_GROUPS:
            text = f"The interval over {_several(n, group)} is rough, and rather too narrow."
            parts.append(tag("p", text, class_="notice"))
    return parts


def _emotions(one):
    """Return the confusion matrix, and the scores of each emotion."""
    found = one.scores
    if found is None:
        return []
    shares = found.confusion / np.maximum(found.confusion.sum(axis=1, keepdims=True), 1)
    rows, pairs = [], []
    for i, name in enumerate(found.classes):
        rows.append([tag("th", name, scope="row")])
        for j, (n, share) in enumerate(zip(found.confusion[i], shares[i], strict=True)):
            colour = "0, 114, 178" if i == j else "213, 94, 0"
            style = f"background: rgba({colour}, {0.08 + 0.6 * share if n else 0:.2f})"
            title = f"{share:.0%} of {name} taken for {found.classes[j]}"
            rows[-1].append(tag("td", n, style=style, title=title))
            pairs += [(int(n), name, found.classes[j])] if n and i != j else []
    most = ", ".join(f"{a} taken for {b} ({n})" for n, a, b in sorted(pairs, reverse=True)[:3])
    text = f"Most confused: {most}." if most else "Nothing was confused."
    keys = ("precision", "recall", "f1")
    scores = [
        [r["class"], *(_number(r[key]) for key in keys), r["support"]] for r in found.per_class
    ]
    return [
        tag("p", f"Clips by true emotion (rows) and answer (columns). {text}"),
        tag(
            "div",
            table(["true, answer:", *found.classes], rows, class_="matrix"),
            table(["", "precision", "recall", "F1", "clips"], scores),
            class_="side",
        ),
    ]


def _robustness(scored):
    """Return a curve of each model for each kind of corruption."""
    of_model = {one.model: [r.get("robustness") or {} for r in one.records] for one in scored}
    of_model = {model: curves for model, curves in of_model.items() if all(curves)}
    noisy = {
        f"noisy: {one.model}": np.mean([r["weighted_f1"] for r in one.records])
        for one in scored
        if one.test == "noisy" and len(of_model) == 1  # of several, lines would look alike
    }
    figures = []
    for kind in dict.fromkeys(kind for curves in of_model.values() for kind in curves[0]):
        drawn = {
            m: [c[kind] for c in curves] for m, curves in of_model.items() if kind in curves[0]
        }
        scores = {model: np.array([c["scores"] for c in curves]) for model, curves in drawn.items()}
        # An interval of two seeds would fill the picture.
        scores = {m: s if len(s) > 2 else s.mean(axis=0)[np.newaxis] for m, s in scores.items()}
        options = {"corruption": CORRUPTIONS[kind], "references": noisy if kind == "noise" else {}}
        figure = new_figure(4.8, 3.6)
        levels = next(iter(drawn.values()))[0]["levels"]
        RobustnessDisplay(levels, scores, **options).plot(figure.subplots())
        figures.append(tag("figure", drawing(figure, f"Weighted F1 by {CORRUPTIONS[kind]}")))
    text = (
        "The features of the clean test clips are spoiled more and more, from left to right. A "
        "point is the mean weighted F1 of three draws and all seeds; a shade is the 95 % interval "
        "over three seeds or more."
    )
    text += " A dashed line is the score on noisy recordings." if noisy else ""
    return [tag("p", text), tag("div", *figures, class_="side")] if figures else []


def _time(one):
    """Return the pictures of typical and of wrong clips."""
    parts = []
    for feature, maps in read_attention(one.folder).items():
        images, scale = draw_clips(maps)
        figures = []
        for clip, data in zip(maps, images, strict=True):
            kind = "wrong" if clip.is_wrong else "typical"
            if clip.is_wrong != len(figures) % 2:  # an emotion that is never wrong, or never right
                figures.append(tag("figure", class_="none"))
            heading = tag("b", kind, class_="bad" if clip.is_wrong else None)
            truth = f"{clip.truth}, taken for " if clip.is_wrong else ""
            text = f" {clip.name}: {truth}{clip.predicted} ({clip.probability:.2f})"
            picture = image(data, "webp", f"{kind} clip {text}")
            figures.append(tag("figure", tag("figcaption", heading, text), picture))
        parts += [_about_time(maps[0], scale, feature), tag("div", *figures, class_="clips")]
    return parts


def _about_time(clip, scale, feature):
    """Say what the lines and their colours are."""
    what = "attention; its weights add up to 1 in each clip"
    if clip.method != ATTENTION:
        what = "evidence for the answer in the convolutional network (class activation map)"
    unit = " Nothing says how many frames there are in a second." * (clip.unit == "frames")
    text = (
        "Of each emotion: the surest right answer (typical) and the surest wrong one, with their "
        f"probabilities, by seed 0. A line is the size of the features"
        f"{f' {feature}' if feature else ''}, standardised, over {clip.unit}.{unit} Its colour is "
        f"the {what}. From left to right: "
        f"{'against the answer, ' if scale.signed else ''}none, most. "
    )
    colours = scale.mappable().to_rgba(np.linspace(*scale.mappable().get_clim(), 5))
    stops = ", ".join(f"rgb({r:.0f}, {g:.0f}, {b:.0f})" for r, g, b in 255 * colours[:, :3])
    style = f"background: linear-gradient(to right, {stops})"
    return tag("p", text, tag("span", class_="scale", style=style))


def _made(scored):
    """Say with what and when the results were made."""
    records = [record for one in scored for record in one.records]
    began = sorted(record["began"] for record in records if record.get("began"))
    of_model = {one.model: one.records for one in scored}  # test splits share their trainings
    minutes = sum(r.get("fit_seconds") or 0.0 for some in of_model.values() for r in some) / 60
    recipes = {one.model: json.dumps(one.records[0]["parameters"], indent=1) for one in scored}
    facts = {
        "Runs began": f"{began[0]} to {began[-1]}" if began else "",
        "Training": f"{minutes:.1f} minutes in all",
    }
    for field in ("versions", "hardware", "commit"):
        found = dict.fromkeys(_flat(record[field]) for record in records if record.get(field))
        facts[field.capitalize()] = "; ".join(found)
    facts["Recipes"] = [
        tag("details", tag("summary", name), tag("pre", text)) for name, text in recipes.items()
    ]
    return _facts(facts)


def _flat(value):
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value


def _several(n, group):
    """Return "4 speakers", "1 speaker"; the name of another column stays what it is."""
    if group not in GROUPS:
        return f"{n} values of {group}"
    return f"{n} {group if n == 1 else _plural(group)}"


def _plural(group):
    return f"{group}s" if group in GROUPS else group


def _number(value):
    return DASH if value is None else f"{value:.3f}"
