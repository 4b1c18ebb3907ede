"use strict";
// The page's own script: unpacks library and data, draws the charts, and turns the pages of the trade table.
// Whatever came from the run is written as text, never as markup.

const PAGE_ROWS = 25;
const GAIN = "#3b7dd8", LOSS = "#d9731a", NEUTRAL = "#8a8f98";
const NARROW = matchMedia("(max-width: 620px)"), DARK = matchMedia("(prefers-color-scheme: dark)");
const DAY_S = 86400;

const byId = (id) => document.getElementById(id);

async function unpack(id) {
  const bytes = Uint8Array.from(atob(byId(id).textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// Charts

function themed(layout) {
  const colours = getComputedStyle(document.documentElement);
  const text = colours.getPropertyValue("--text").trim(), grid = colours.getPropertyValue("--grid").trim();
  const surface = colours.getPropertyValue("--surface").trim();
  const made = {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
    font: { family: getComputedStyle(document.body).fontFamily, size: NARROW.matches ? 11 : 12, color: text },
    hoverlabel: { bgcolor: surface, bordercolor: grid, font: { color: text } },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
  };
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis/.test(key)) {
      made[key] = { gridcolor: grid, linecolor: grid, zerolinecolor: NEUTRAL, zerolinewidth: 1, ...layout[key] };
    }
  }
  return made;
}

function draw(id, figure) {
  const settings = { displayModeBar: false, doubleClick: "reset" };
  Plotly.react(byId(id), figure.data, themed(figure.layout), settings).then((box) => sizes.observe(box));
}

// A chart follows its box, also where the box gets narrower without the window doing so.
const sizes = new ResizeObserver((boxes) => boxes.forEach(({ target }) => {
  if (target.classList.contains("js-plotly-plot")) Plotly.Plots.resize(target);
}));

// Words

const amount = (value, digits = 2) => value === null ? "–"
  : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const signed = (value) => value === null ? "–" : (value > 0 ? "+" : "") + amount(value);
const price = (value) => value === null ? "–"
  : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const plain = (value) => value === null ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: 6 });

function moment(seconds, daily) {
  // A bar that ends at midnight belongs to the day before.
  return daily ? new Date((seconds - 1) * 1000).toISOString().slice(0, 10)
    : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}

// Trades on price

function running(differences, unit) {
  let total = 0;
  return differences.map((step) => (total += step) / unit);
}

function tradesFigure(trips, prices, symbol, daily, axis) {
  const rows = trips.bySymbol.get(symbol) || [];
  const line = prices[symbol];
  const at = (seconds) => seconds * 1000;
  const segments = (name, colour, dash, from, to, chosen, width) => {
    const x = [], y = [];
    for (const i of chosen) {
      x.push(at(trips.entered[i]), at(trips.left[i]), null);
      y.push(from(i), to(i), null);
    }
    return { type: "scatter", mode: "lines", name, x, y, hoverinfo: "skip", line: { color: colour, width, dash } };
  };
  const points = (name, chosen, time, level, symbolOf, colour, words) => ({
    type: "scatter", mode: "markers", name, x: chosen.map((i) => at(time[i])), y: chosen.map((i) => level[i]),
    text: chosen.map(words), hovertemplate: "%{text}<extra></extra>",
    marker: { size: 9, color: colour, symbol: chosen.map(symbolOf), line: { width: 1, color: colour } },
  });
  const won = rows.filter((i) => trips.net[i] > 0), lost = rows.filter((i) => trips.net[i] <= 0);
  const stopped = rows.filter((i) => trips.stop[i] !== null);
  const moved = rows.filter((i) => trips.moved[i] !== null && Math.abs(trips.moved[i] - (trips.stop[i] ?? 0)) > 0.005);
  const aimed = rows.filter((i) => trips.target[i] !== null);
  const entryWords = (i) => `${trips.label(i)}<br>in ${moment(trips.entered[i], daily)}: ${plain(trips.quantity[i])}`
    + ` at ${price(trips.entry[i])}`;
  const exitWords = (i) => `${trips.label(i)}<br>out ${moment(trips.left[i], daily)} at ${price(trips.exit[i])}`
    + ` (${trips.exits[trips.why[i]]}), ${signed(trips.net[i])}`;
  const exitsOf = (name, chosen, sign, colour) =>
    points(name, chosen, trips.left, trips.exit, () => sign, colour, exitWords);
  const data = [];
  if (line) {
    data.push({
      type: "scatter", mode: "lines", name: "close", x: running(line.t, 1).map(at), y: running(line.p, 10000),
      line: { color: NEUTRAL, width: 1.2 }, hovertemplate: "%{y:,.2f}<extra></extra>",
    });
  }
  const same = (level) => (i) => level[i];
  if (stopped.length) data.push(segments("first stop", LOSS, "dot", same(trips.stop), same(trips.stop), stopped, 1.5));
  if (moved.length) data.push(segments("last stop", LOSS, "dash", same(trips.moved), same(trips.moved), moved, 1.2));
  if (aimed.length) data.push(segments("target", GAIN, "dot", same(trips.target), same(trips.target), aimed, 1.5));
  if (won.length) data.push(segments("won", GAIN, "solid", same(trips.entry), same(trips.exit), won, 1.5));
  if (lost.length) data.push(segments("lost", LOSS, "solid", same(trips.entry), same(trips.exit), lost, 1.5));
  data.push(points("entry", rows, trips.entered, trips.entry,
    (i) => trips.side[i] > 0 ? "triangle-up" : "triangle-down", NEUTRAL, entryWords));
  if (won.length) data.push(exitsOf("exit, won", won, "circle", GAIN));
  if (lost.length) data.push(exitsOf("exit, lost", lost, "x", LOSS));
  return {
    data,
    layout: {
      margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: "closest", showlegend: true,
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
      xaxis: { ...axis }, yaxis: { automargin: true, tickformat: ",.6~g" },
    },
  };
}

function zoomTo(figure, trips, i) {
  const held = Math.max(trips.left[i] - trips.entered[i], 60) * 1000;
  const from = trips.entered[i] * 1000 - 1.5 * held, to = trips.left[i] * 1000 + 1.5 * held;
  const seen = [trips.entry[i], trips.exit[i], trips.stop[i], trips.target[i]].filter((level) => level !== null);
  const line = figure.data[0].name === "close" ? figure.data[0] : { x: [], y: [] };
  line.x.forEach((x, k) => { if (x >= from && x <= to) seen.push(line.y[k]); });
  let low = Infinity, high = -Infinity;
  for (const level of seen) { low = Math.min(low, level); high = Math.max(high, level); }
  const room = 0.06 * (high - low) || 0.01;
  figure.layout.xaxis.range = [from, to];
  figure.layout.yaxis.range = [low - room, high + room];
}

// The trade table

const COLUMNS = [
  ["symbol", "Symbol", "text", (t, i) => t.symbols[t.symbol[i]]],
  ["strategy", "Strategy", "text", (t, i) => t.strategies[t.strategy[i]]],
  ["side", "Side", "text", (t, i) => t.side[i] > 0 ? "long" : "short"],
  ["entered", "In", "text", (t, i) => moment(t.entered[i], t.daily)],
  ["entry", "Price in", "", (t, i) => price(t.entry[i])],
  ["left", "Out", "text", (t, i) => moment(t.left[i], t.daily)],
  ["exit", "Price out", "", (t, i) => price(t.exit[i])],
  ["quantity", "Quantity", "", (t, i) => plain(t.quantity[i])],
  ["net", "Net P&L", "", (t, i) => signed(t.net[i])],
  ["r", "R", "", (t, i) => amount(t.r[i])],
  ["bars", "Bars", "", (t, i) => plain(t.bars[i])],
  ["why", "Exit", "text", (t, i) => t.exits[t.why[i]]],
];

function treeOf([text, value, detail, children]) {
  const sign = value === true ? "✓ " : value === false ? "✗ " : "";
  const seen = typeof value === "number" ? ` = ${plain(value)}` : detail ? `   ${detail}` : "";
  const item = element("li", {}, sign + text, element("span", { class: "seen" }, seen));
  const conditions = children.filter((child) => typeof child[1] === "boolean" || typeof value !== "boolean");
  if (conditions.length) item.append(element("ul", {}, ...conditions.map(treeOf)));
  return item;
}

function explanationOf(trips, explanations, i, show) {
  const found = explanations[i];
  const facts = [
    ["commission", amount(trips.commission[i])], ["worst open loss", signed(trips.mae[i])],
    ["best open profit", signed(trips.mfe[i])], ["first stop", price(trips.stop[i])],
    ["last stop", price(trips.moved[i])], ["target", price(trips.target[i])],
  ].filter(([, value]) => value !== "–");
  const box = element("div", {},
    element("dl", { class: "facts" },
      ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))));
  if (found) {
    box.append(element("h3", {}, "Why it was entered"), element("ul", { class: "tree" }, treeOf(found.tree)));
    if (found.size) box.append(element("p", { class: "quiet" }, `Size: ${found.size}.`));
    box.append(element("p", { class: "quiet" }, `Order ${found.order}`));
  } else {
    box.append(element("p", { class: "quiet" }, byId("trips").dataset.unexplained));
  }
  const button = element("button", { type: "button", onclick: () => show(i) }, "Show on the chart");
  box.append(element("p", {}, button));
  return box;
}

class TripTable {
  constructor(trips, explanations, show) {
    Object.assign(this, { trips, explanations, show, page: 0, key: "left", falling: true, open: new Set() });
    this.columns = COLUMNS.filter(([key]) => key !== "strategy" || trips.strategies.length > 1);
    this.words = trips.net.map((_, i) =>
      [trips.symbols[trips.symbol[i]], trips.strategies[trips.strategy[i]], trips.side[i] > 0 ? "long" : "short",
        trips.exits[trips.why[i]]].join(" ").toLowerCase());
    byId("trip-filter").addEventListener("input", () => { this.page = 0; this.arrange(); });
    byId("trip-back").addEventListener("click", () => { this.page -= 1; this.fill(); });
    byId("trip-on").addEventListener("click", () => { this.page += 1; this.fill(); });
    this.head = this.columns.map(([key, name, kind]) => element("th", { class: kind, scope: "col" },
      element("button", { type: "button", onclick: () => this.sortBy(key) }, name)));
    byId("trips").tHead.append(element("tr", {}, element("th", { "aria-label": "details" }), ...this.head));
    this.arrange();
  }

  sortBy(key) {
    this.falling = this.key === key ? !this.falling : true;
    Object.assign(this, { key, page: 0 });
    this.arrange();
  }

  arrange() {
    const { trips, key } = this;
    const wanted = byId("trip-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const names = { symbol: trips.symbols, strategy: trips.strategies, why: trips.exits }[key];
    const worth = names ? (i) => names[trips[key][i]] : (i) => trips[key][i];
    const sign = this.falling ? -1 : 1;
    this.rows = trips.net.map((_, i) => i).filter((i) => wanted.every((word) => this.words[i].includes(word)));
    this.rows.sort((a, b) => {
      const one = worth(a), other = worth(b);
      if (one === null || other === null) return (one === null) - (other === null) || a - b;
      return one < other ? -sign : one > other ? sign : a - b;
    });
    this.head.forEach((cell, k) => {
      if (this.columns[k][0] === key) cell.setAttribute("aria-sort", this.falling ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    this.fill();
  }

  fill() {
    const pages = Math.max(1, Math.ceil(this.rows.length / PAGE_ROWS));
    const shown = this.rows.slice(this.page * PAGE_ROWS, (this.page + 1) * PAGE_ROWS);
    byId("trips").tBodies[0].replaceChildren(...shown.flatMap((i) => this.lines(i)));
    byId("trip-place").textContent =
      `Page ${this.page + 1} of ${pages}, ${this.rows.length.toLocaleString("en-US")} round trips`;
    byId("trip-back").disabled = this.page === 0;
    byId("trip-on").disabled = this.page >= pages - 1;
  }

  lines(i) {
    const { trips, open } = this;
    const isOpen = open.has(i);
    const turn = () => { isOpen ? open.delete(i) : open.add(i); this.fill(); };
    const name = isOpen ? "Hide the details" : this.explanations[i] ? "Show the details and why" : "Show the details";
    const button = element("button", { type: "button", "aria-expanded": isOpen, "aria-label": name, onclick: turn },
      isOpen ? "▾" : this.explanations[i] ? "▸" : "▹");
    const cells = this.columns.map(([key, , kind, words]) => element("td",
      { class: key === "net" ? (trips.net[i] > 0 ? "gain" : "loss") : kind }, words(trips, i)));
    const line = element("tr", {}, element("td", { class: "open" }, button), ...cells);
    if (!isOpen) return [line];
    const all = element("td", { colspan: this.columns.length + 1 }, explanationOf(trips, this.explanations, i, this.show));
    return [line, element("tr", { class: "more" }, all)];
  }
}

// The page

async function start() {
  const library = element("script");
  library.textContent = await unpack("library");
  document.head.append(library);
  const { figures, trips, explanations, prices, daily } = JSON.parse(await unpack("data"));
  const drawn = new Map(Object.entries(figures));
  const redraw = () => drawn.forEach((figure, id) => draw(id, figure));
  if (byId("trips")) {
    trips.daily = daily;
    // Plotly reads a little markup in hover texts, so names go there without it.
    const bare = (name) => name.replace(/[<>&]/g, " ");
    trips.label = (i) => `${bare(trips.strategies[trips.strategy[i]])}, ${trips.side[i] > 0 ? "long" : "short"}`;
    trips.bySymbol = new Map(trips.symbol.map((symbol) => [symbol, []]));
    trips.symbol.forEach((symbol, i) => trips.bySymbol.get(symbol).push(i));
    const choice = byId("trade-symbol");
    const symbols = [...trips.bySymbol.keys()].sort((a, b) =>
      trips.bySymbol.get(b).length - trips.bySymbol.get(a).length || a - b);
    for (const symbol of symbols) {
      const count = trips.bySymbol.get(symbol).length;
      choice.append(element("option", { value: symbol }, `${trips.symbols[symbol]} (${count})`));
    }
    const turnTo = (symbol, trip = null) => {
      const figure = tradesFigure(trips, prices, symbol, daily, figures["chart-equity"].layout.xaxis);
      if (trip !== null) zoomTo(figure, trips, trip);
      drawn.set("chart-trades", figure);
      draw("chart-trades", figure);
    };
    choice.addEventListener("change", () => turnTo(Number(choice.value)));
    byId("trade-all").addEventListener("click", () => turnTo(Number(choice.value)));
    turnTo(symbols[0]);
    new TripTable(trips, explanations, (i) => {
      choice.value = trips.symbol[i];
      turnTo(trips.symbol[i], i);
      byId("chart-trades").scrollIntoView({ block: "center" });
    });
  }
  redraw();
  DARK.addEventListener("change", redraw);
  NARROW.addEventListener("change", redraw);
  document.documentElement.dataset.ready = "yes";
}

start().catch((fault) => {
  byId("fault").hidden = false;
  byId("fault").textContent = "The charts could not be drawn: " + fault.message
    + ". A browser of 2023 or newer is needed (Chrome 80, Firefox 113, Safari 16.4).";
});
