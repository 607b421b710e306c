"use strict";
(() => {
  const contents = JSON.parse(document.getElementById("contents").textContent);
  const main = document.getElementById("main");
  const state = { metric: contents.metric, show: "score", text: "", kind: "", column: 0, down: false };

  // Elements. Text is always set as text: names come from folders and files.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child !== null).map((child) =>
      child instanceof Node ? child : String(child)));
    return element;
  };
  const table = (head, rows, attributes = {}) => make("div", { class: "scroll" },
    make("table", attributes,
      make("thead", {}, make("tr", {}, head.map((cell, k) => make("th", {
        scope: "col", class: rows[0]?.[k]?.matches?.(".left, .wrap") ? "left" : null,
      }, cell)))),
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell) =>
        cell instanceof HTMLTableCellElement ? cell : make("td", {}, cell)))))));

  // Numbers
  const larger = (metric) => contents.metrics[metric] === "larger";
  const words = (metric) => metric === "auroc" ? "AUROC" : metric.replaceAll("_", " ");
  const format = (value, metric) => {
    if (value === null || value === undefined) return "–";
    if (metric === "epochs" || metric === "n_parameters") return Math.round(value).toLocaleString("en");
    if (metric === "peak_memory_bytes") return (value / 2 ** 20).toFixed(0) + " MiB";
    if (metric && metric.endsWith("seconds")) return value.toFixed(value < 10 ? 2 : 0) + " s";
    return value.toFixed(4);
  };
  const best = (row, metric) => {
    const values = row.filter((value) => value !== null);
    return values.length ? (larger(metric) ? Math.max(...values) : Math.min(...values)) : null;
  };
  // A long name may go on in the next line where a word in it begins: GesturePebble.
  const broken = (name) => name.split(/(?<=[a-z])(?=[A-Z])/).flatMap((word, i) =>
    i ? [make("wbr"), word] : [word]);
  const link = (name) => "#dataset=" + encodeURIComponent(name);

  // The page of the sweep
  const section = (id, title, ...children) =>
    make("section", { id }, make("h2", {}, title), ...children);

  const summaryRows = (rows) => table(
    ["model", "mean", "mean rank", "geometric rank", "MPCE", "best on"],
    rows.map((row) => [make("td", {}, broken(row.model)), format(row.mean), row.arithmetic_rank.toFixed(3),
      row.geometric_rank.toFixed(3), format(row.mpce), row.best]));

  const tiles = () => {
    const provenance = contents.provenance;
    const tile = (value, name) => make("div", { class: "tile" }, make("b", {}, value), name);
    return make("div", { class: "tiles" },
      tile(contents.datasets.length, "datasets"), tile(contents.models.length, "models"),
      tile(provenance.seeds.length, provenance.seeds.length === 1 ? "seed" : "seeds"),
      tile(provenance.resamples.length, provenance.resamples.length === 1 ? "split" : "splits"),
      tile(provenance.n_records.toLocaleString("en"), "finished runs"),
      tile(contents.failures.length, "failed runs"),
      tile(format(provenance.fit_hours).slice(0, -2), "hours of fitting"));
  };

  const summary = () => {
    const rows = contents.summaries[contents.metric];
    const n = contents.datasets.length - contents.incomplete.length;
    const parts = [tiles()];
    if (rows.length) {
      parts.push(make("p", {}, `${words(contents.metric)} over the ${n} datasets that all models ` +
        "have, each the mean of its runs. Ranks: 1 is best, ties get the mean of their places. " +
        "MPCE: the mean of error divided by number of classes."), summaryRows(rows));
    } else {
      parts.push(make("p", { class: "notice" }, "There is no dataset that all models have."));
    }
    if (contents.friedman) {
      parts.push(make("p", {}, "Friedman's test that all models rank alike: chi-squared " +
        `${contents.friedman.chi2.toFixed(2)}, p = ${contents.friedman.p.toPrecision(3)} ` +
        "(Iman and Davenport)."));
    }
    if (contents.incomplete.length) {
      parts.push(make("p", {}, "Without a result of every model, and so not in these means, are: " +
        contents.incomplete.join(", ") + "."));
    }
    return section("summary", "Summary", ...parts);
  };

  const scores = () => {
    const body = make("tbody"), foot = make("tfoot"), head = make("tr");
    const count = make("span", { class: "soft", id: "count", role: "status" });
    const columns = () => [
      { name: "dataset", value: (i) => contents.datasets[i].name },
      { name: "train", extra: true, value: (i) => contents.datasets[i].n_train },
      { name: "length", extra: true, value: (i) => contents.datasets[i].n_timepoints },
      { name: "classes", extra: true, value: (i) => contents.datasets[i].n_classes },
      ...contents.models.map((name, j) => ({
        name, model: j, value: (i) => cell(i, j).value,
      })),
    ];
    const cell = (i, j) => {
      const row = contents.scores[state.metric][i];
      const value = row[j], top = best(row, state.metric);
      if (state.show === "score" || value === null) return { value, text: format(value, state.metric) };
      const difference = value - top;
      return { value: difference, text: format(difference, state.metric) };
    };
    const draw = () => {
      const shown = contents.datasets.map((_, i) => i).filter((i) =>
        contents.datasets[i].name.toLowerCase().includes(state.text.toLowerCase()) &&
        (!state.kind || contents.datasets[i].kind === state.kind));
      const all = columns(), by = all[Math.min(state.column, all.length - 1)];
      const compare = (a, b) => {
        const x = by.value(a), y = by.value(b);
        if (x === null || y === null) return (x === null) - (y === null);  // missing ones last
        const order = typeof x === "string" ? x.localeCompare(y, "en") : x - y;
        return state.down ? -order : order;
      };
      shown.sort(compare);
      head.replaceChildren(...all.map((column, k) => make("th", {
        scope: "col", class: column.extra ? "extra" : column.model === undefined ? null : "model",
        "aria-sort": k === state.column ? (state.down ? "descending" : "ascending") : "none",
      }, make("button", { type: "button", onclick: () => {
        state.down = k === state.column ? !state.down : column.model !== undefined;
        state.column = k;
        draw();
      } }, broken(column.name)))));
      body.replaceChildren(...shown.map((i) => {
        const dataset = contents.datasets[i], row = contents.scores[state.metric][i];
        const top = best(row, state.metric);
        return make("tr", { "data-dataset": dataset.name },
          make("td", {}, make("a", { href: link(dataset.name) }, broken(dataset.name))),
          [dataset.n_train, dataset.n_timepoints, dataset.n_classes].map((size) =>
            make("td", { class: "extra" }, size ?? "–")),
          row.map((value, j) => {
            const std = contents.standard_deviations[state.metric][i][j];
            const n = contents.n_runs[i][j];
            return make("td", {
              class: value !== null && value === top ? "best" : null,
              title: n ? `${n} runs` + (std === null ? "" :
                `, standard deviation ${format(std, state.metric)}`) : "no result",
            }, cell(i, j).text);
          }));
      }));
      const means = contents.models.map((_, j) => {
        const rows = shown.filter((i) => contents.scores[state.metric][i].every((v) => v !== null));
        const values = rows.map((i) => cell(i, j).value);
        return values.length ? values.reduce((a, b) => a + b) / values.length : null;
      });
      foot.replaceChildren(make("tr", {}, make("td", {}, "mean of the complete rows"),
        all.filter((column) => column.extra).map(() => make("td", { class: "extra" })),
        means.map((value) => make("td", {}, format(value, state.metric)))));
      count.textContent = `${shown.length} of ${contents.datasets.length} datasets`;
    };
    const kinds = [...new Set(contents.datasets.map((d) => d.kind).filter(Boolean))].sort();
    const select = (id, label, options, value, change) => make("label", { for: id }, label,
      make("select", { id, onchange: (event) => { change(event.target.value); draw(); } },
        options.map(([key, text]) => make("option", { value: key, selected: key === value }, text))));
    const controls = make("div", { class: "controls" },
      make("label", { for: "filter" }, "dataset",
        make("input", { id: "filter", type: "search", value: state.text, placeholder: "part of a name",
          oninput: (event) => { state.text = event.target.value; draw(); } })),
      kinds.length > 1 ? select("kind", "kind", [["", "all"], ...kinds.map((k) => [k, k])],
        state.kind, (value) => { state.kind = value; }) : null,
      select("metric", "number", Object.keys(contents.scores).map((m) => [m, words(m)]),
        state.metric, (value) => { state.metric = value; }),
      select("show", "as", [["score", "it is"], ["difference", "difference to the best"]],
        state.show, (value) => { state.show = value; }),
      count);
    draw();
    return section("scores", "Datasets", make("p", {}, "Click a column to sort, a dataset to look " +
      "into it. The best of each row is shaded; the standard deviation over runs shows under the " +
      "pointer."), controls, make("div", { class: "scroll" },
      make("table", { id: "scores-table" }, make("thead", {}, head), body, foot)));
  };

  // What a dot of a picture stands for is told where the pointer, or a finger, is near it.
  const tip = make("div", { id: "tip", role: "tooltip", hidden: "" });
  const hide = () => { tip.hidden = true; };
  const tell = (dots) => (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const away = ([x, y]) => Math.hypot(
      x * box.width + box.left - event.clientX, y * box.height + box.top - event.clientY);
    const near = dots.reduce((one, other) => away(other) < away(one) ? other : one);
    tip.hidden = away(near) > 14;  // pixels
    tip.textContent = near[2];
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4)) + "px";
    tip.style.top = event.clientY > height + 16 ? event.clientY - height - 12 + "px" :
      event.clientY + 16 + "px";
  };
  document.body.append(tip);
  window.addEventListener("scroll", hide, true);

  // No picture gets so small that its words cannot be read: it scrolls in its own box.
  const figure = (picture) => make("figure", { class: picture.half ? "pair" : null },
    make("h3", {}, picture.title),
    make("div", { class: "scroll" }, make("div", {
      class: "frame", style: `width: ${picture.width}px; min-width: ${0.7 * picture.width}px`,
      ...(picture.dots.length ? { onpointermove: tell(picture.dots),
        onpointerdown: tell(picture.dots), onpointerleave: hide } : {}),
    }, make("img", { src: picture.uri, alt: picture.title + ". " + picture.caption }))),
    make("figcaption", {}, picture.caption));

  const published = () => {
    const found = contents.published;
    if (!found) return null;
    const left = Object.entries(found.left_out);
    return section("published", "Beside published results",
      make("p", {}, `Accuracy on the default split of the ${found.n_complete} datasets where the ` +
        "comparison is fair; ours are means over seeds."),
      summaryRows(found.summary),
      make("h3", {}, "Where the published numbers are from"),
      make("ul", {}, found.sources.map((source) =>
        make("li", {}, make("b", {}, source.name + ": "), source.citation + ". Protocol: " +
          source.protocol + "."))),
      left.length ? make("details", {}, make("summary", {}, `Left out: ${left.length} ` +
        `dataset${left.length > 1 ? "s" : ""}`),
        table(["dataset", "reason"], left.map(([name, reason]) =>
          [make("td", {}, broken(name)), make("td", { class: "wrap" }, reason)]))) : null,
      found.pictures.map(figure));
  };

  const failures = () => contents.failures.length ? section("failures", "Failures",
    make("p", {}, "These runs gave no result that can be read. The same command tries those again " +
      "that have no record."),
    table(["dataset", "model", "seed", "resample", "reason"], contents.failures.map((failure) =>
      [make("td", {}, broken(failure.dataset)), make("td", { class: "left" }, failure.model), failure.seed,
        failure.resample, make("td", { class: "wrap bad" }, failure.reason)]))) : null;

  const provenance = () => {
    const found = contents.provenance;
    const list = (title, entries, text) => entries.length ? [make("h3", {}, title),
      entries.map((entry) => make("pre", {}, text(entry.value) + `\n(${entry.n} runs)`))] : [];
    const flat = (value) => Object.entries(value).map(([k, v]) => `${k} ${v}`).join(", ");
    return section("provenance", "Provenance",
      make("p", {}, found.began ? `Runs began between ${found.began[0]} and ${found.began[1]}.` : "",
        ` Seeds ${found.seeds.join(", ")}; splits ${found.resamples.join(", ")} ` +
        "(0 is the archive's own)."),
      make("h3", {}, "Models"),
      table(["name", "class", "parameters"], found.models.map((model) => [model.name,
        make("td", { class: "left" }, model.target ?? "–"),
        make("td", { class: "wrap" }, typeof model.parameters === "string" ? model.parameters :
          JSON.stringify(model.parameters ?? {}))])),
      ...list("Versions", found.versions, flat), ...list("Hardware", found.hardware, flat),
      ...list("Commits", found.commits, (value) => value));
  };

  const overview = () => {
    main.replaceChildren(...[summary(), scores(), contents.pictures.length ?
      section("pictures", "Pictures", ...contents.pictures.map(figure)) : null,
    published(), failures(), provenance()].filter(Boolean));
    document.getElementById("sections").replaceChildren(
      ...[...main.querySelectorAll("section")].map((element) =>
        make("a", { href: "#" + element.id }, element.querySelector("h2").textContent)));
  };

  // The page of a dataset
  const confusion = (model, found) => {
    const parts = [make("h3", {}, model)];
    if (found.matrix) {
      const largest = Math.max(1, ...found.matrix.flat());
      parts.push(make("div", { class: "scroll" }, make("table", { class: "matrix" },
        make("thead", {}, make("tr", {}, make("th", {}, "true \\ predicted"),
          found.labels.map((label) => make("th", { scope: "col" }, label)))),
        make("tbody", {}, found.matrix.map((row, i) => make("tr", {},
          make("th", { scope: "row" }, found.labels[i]), row.map((n, j) => make("td", {
            style: `background: rgba(${i === j ? "0, 114, 178" : "213, 94, 0"}, ` +
              `${n ? 0.08 + 0.6 * n / largest : 0})`,
          }, n))))))));
    }
    parts.push(make("p", { class: "soft" }, found.most_confused.length ? "Most confused: " +
      found.most_confused.map(([a, b, n]) => `${a} taken for ${b} (${n})`).join(", ") + "." :
      "Nothing was confused."));
    return make("div", {}, ...parts);
  };

  const dataset = (i) => {
    const found = contents.datasets[i], previous = contents.datasets[i - 1];
    const next = contents.datasets[i + 1], columns = contents.run_columns;
    const count = (n, words) => n === null ? null : `${n} ${words}`;  // not all records say all
    const facts = [
      count(found.n_train, "training series"), count(found.n_test, "test series"),
      count(found.n_timepoints, "timepoints"),
      count(found.n_channels, found.n_channels === 1 ? "channel" : "channels"),
      count(found.n_classes, "classes"), found.kind,
    ].filter((fact) => fact !== null);
    const rows = contents.models.flatMap((model, j) => contents.runs[i][j].map((run) => [
      model, ...run.map((value, k) => k < 2 ? value : format(value, columns[k]))]));
    const ofModels = (all) => contents.models.filter((model) => model in (all[found.name] ?? {}))
      .map((model) => [model, all[found.name][model]]);
    const confusions = ofModels(contents.confusions);
    const pictures = ofModels(contents.dataset_pictures);
    main.replaceChildren(section("dataset", found.name,
      make("p", {}, facts.join(" · ")),
      make("p", {}, previous ? make("a", { href: link(previous.name) }, "← " + previous.name) : "",
        previous && next ? " · " : "",
        next ? make("a", { href: link(next.name) }, next.name + " →") : "", " · ",
        make("a", { href: "#scores" }, "all datasets")),
      make("h3", {}, "Runs"),
      table(["model", ...columns.map(words)], rows, { id: "runs-table" }),
      ...contents.failures.filter((failure) => failure.dataset === found.name).map((failure) =>
        make("p", { class: "bad" }, `${failure.model}, seed ${failure.seed}, resample ` +
          `${failure.resample} failed: ${failure.reason}`)),
      ...pictures.flatMap(([model, drawn]) => [make("h2", {}, model), ...drawn.map(figure)]),
      pictures.length ? null : make("p", { class: "soft" }, found.name in contents.dataset_notes ?
        `The kept models could not be drawn: ${contents.dataset_notes[found.name]}` :
        "No models of this dataset were kept, so there are no learning curves and maps; " +
        "benchmark run --keep-models keeps them."),
      confusions.length ? make("h2", {}, "Confusions of the first run") : null,
      ...confusions.map(([model, matrix]) => confusion(model, matrix))));
    document.getElementById("sections").replaceChildren(
      make("a", { href: "#scores" }, "all datasets"));
  };

  const navigate = () => {
    const [key, name] = location.hash.slice(1).split("=");
    const i = key === "dataset" ?
      contents.datasets.findIndex((d) => d.name === decodeURIComponent(name ?? "")) : -1;
    if (i >= 0) { dataset(i); window.scrollTo(0, 0); return; }
    if (!main.querySelector("#summary")) overview();
    const target = key && document.getElementById(key);
    if (target) target.scrollIntoView(); else window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", navigate);
  document.getElementById("footer").textContent =
    `Written ${contents.provenance.written} by lstmfcn ${contents.version}.`;
  navigate();
})();
