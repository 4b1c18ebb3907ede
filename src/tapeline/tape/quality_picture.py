"""The report of the quality gate as a picture: one HTML file that needs nothing else, no network either.

A cell is a symbol on a day: the fuller its green, the more of the day's bars are there. Orange in it are marked rows,
red are quarantined ones. Under the pointer a cell tells its numbers. The strip above sums the days up.
The browser draws the cells on a canvas from packed counts, so that two thousand symbols over five hundred days are
one file of a few hundred kilobytes.
"""

from __future__ import annotations

import base64
import html
import json
import zlib

import numpy as np
import numpy.typing as npt

from tapeline.domain.times import DAY, frame_text, ns_to_date
from tapeline.tape.quality_reasons import Action
from tapeline.tape.quality_report import QualityReport

_FINDINGS_MAX = 200
_SMALL_MAX = 60  # up to so many symbols have a line that can be read


def picture_html(report: QualityReport, title: str) -> str:
    """Return the report as an HTML page.

    title : what was checked, such as a file name
    """
    facts = {
        "symbols": list(report.symbols),
        "days": [str(ns_to_date(int(day) * DAY)) for day in report.days],
        "expected": report.expected.tolist(),
        "found": _packed(report.found),
        "quarantined": _packed(report.quarantined),
        "marked": _packed(report.marked),
        "share": [round(float(share), 4) for share in report.completeness],
        "readable": len(report.symbols) <= _SMALL_MAX,
    }
    script = json.dumps(facts).replace("</", "<\\/")
    return (
        _PAGE.replace("{title}", html.escape(title))
        .replace("{tiles}", _tiles(report))
        .replace("{reasons}", _reasons(report))
        .replace("{findings}", _findings(report))
        .replace("{facts}", script)
    )


def _packed(counts: npt.NDArray[np.int64]) -> str:
    """Return counts as unsigned 32-bit numbers, deflated, in base64: the browser can undo all three."""
    plain = np.ascontiguousarray(counts, dtype="<u4").tobytes()
    return base64.b64encode(zlib.compress(plain, 6)).decode("ascii")


def _tiles(report: QualityReport) -> str:
    share = report.completeness
    tiles = [
        (f"{report.good_count + report.quarantined_count:,}", f"{frame_text(report.frame_ns)} bars"),
        (f"{report.good_count:,}", "go in"),
        (f"{report.marked_count:,}", "of them marked"),
        (f"{report.quarantined_count:,}", "quarantined"),
        (f"{100 * share.mean():.1f} %" if len(share) else "–", "complete"),
    ]
    return "".join(f"<div><b>{value}</b><span>{words}</span></div>" for value, words in tiles)


def _reasons(report: QualityReport) -> str:
    rows = [
        f'<tr><td><i class="{"bad" if report.actions[reason] is Action.QUARANTINE else "doubt"}"></i>'
        f"{reason.replace('_', ' ')}</td><td>{report.actions[reason]}</td><td>{count:,}</td></tr>"
        for reason, count in report.reasons.items()
        if count
    ]
    if not rows:
        return "<p>Every row is good.</p>"
    return f"<table><tr><th>reason</th><th>what follows</th><th>rows</th></tr>{''.join(rows)}</table>"


def _findings(report: QualityReport) -> str:
    shown = report.findings[:_FINDINGS_MAX]
    if not shown:
        return "<p>None.</p>"
    lines = "".join(f"<li>{html.escape(one.sentence)}</li>" for one in shown)
    rest = len(report.findings) - len(shown)
    return f"<ol>{lines}</ol>" + (f"<p>And {rest:,} more, in the JSON report.</p>" if rest else "")


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Quality of {title}</title>
<style>
body { font: 14px/1.45 system-ui, sans-serif; color: #1d2730; background: #fff; margin: 28px 32px; }
h1 { font-size: 20px; margin: 0 0 14px; } h2 { font-size: 15px; margin: 26px 0 8px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; }
.tiles div { border: 1px solid #dde3e8; border-radius: 8px; padding: 8px 16px; min-width: 96px; }
.tiles b { display: block; font-size: 19px; font-variant-numeric: tabular-nums; } .tiles span { color: #5c6a76; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: #5c6a76; } th, td { padding: 3px 22px 3px 0; }
td:last-child, th:last-child { text-align: right; padding-right: 0; }
i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 8px; }
i.bad { background: #d4322c; } i.doubt { background: #f0a030; }
.legend { color: #5c6a76; margin: 0 0 8px; } .legend i { margin-left: 18px; margin-right: 6px; }
.legend i:first-child { margin-left: 0; }
.map { overflow-x: auto; max-width: 100%; } canvas { display: block; }
#tip { position: fixed; display: none; background: #1d2730; color: #fff; padding: 6px 10px; border-radius: 6px;
  pointer-events: none; font-size: 12px; white-space: pre; }
ol { padding-left: 26px; margin: 0; } li { padding: 1px 0; }
</style></head><body>
<h1>Quality of {title}</h1>
<div class="tiles">{tiles}</div>
<h2>Completeness by symbol and day</h2>
<p class="legend"><i style="background:#1f7a5c"></i>all bars<i style="background:#a9d3c2"></i>about half<i
 style="background:#eef1f3"></i>none<i class="doubt"></i>some marked<i class="bad"></i>some quarantined</p>
<div class="map"><canvas id="map"></canvas></div>
<div id="tip"></div>
<h2>Reasons</h2>{reasons}
<h2>Findings</h2>{findings}
<noscript><p>The map of completeness is drawn by a script, which this browser does not run.</p></noscript>
<script type="application/json" id="facts">{facts}</script>
<script>
(async () => {
  const F = JSON.parse(document.getElementById("facts").textContent);
  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint32Array(await new Response(plain).arrayBuffer());
  };
  const [found, bad, doubt] = [await unpack(F.found), await unpack(F.quarantined), await unpack(F.marked)];
  const N = F.symbols.length, D = F.days.length;
  if (!N || !D) return;
  const names = F.readable, h = names ? 16 : N <= 300 ? 5 : N <= 1000 ? 3 : 2;
  const left = 72, right = names ? 190 : 8, strip = 44, top = strip + 30;
  const room = document.querySelector(".map").clientWidth - left - right;
  const w = Math.max(1, Math.min(26, Math.floor(room / D)));
  const gap = w >= 6 && names ? 1 : 0, scale = window.devicePixelRatio || 1;
  const canvas = document.getElementById("map"), width = left + D * w + right, height = top + N * h + 6;
  canvas.width = width * scale; canvas.height = height * scale;
  canvas.style.width = width + "px"; canvas.style.height = height + "px";
  const g = canvas.getContext("2d");
  g.scale(scale, scale);
  g.font = "12px system-ui, sans-serif";
  const green = (share) => {
    const t = share <= 0 ? 0 : 0.25 + 0.75 * Math.pow(Math.min(share, 1), 2);
    const mix = (from, to) => Math.round(from + (to - from) * t);
    return `rgb(${mix(238, 31)},${mix(241, 122)},${mix(243, 92)})`;
  };
  const sums = { bad: new Float64Array(D), doubt: new Float64Array(D) };
  for (let n = 0; n < N; n++) for (let d = 0; d < D; d++) {
    const k = n * D + d, x = left + d * w, y = top + n * h;
    sums.bad[d] += bad[k]; sums.doubt[d] += doubt[k];
    const there = found[k] / Math.max(F.expected[d], 1);
    g.fillStyle = F.expected[d] ? green(there) : "#fafbfc";
    g.fillRect(x, y, w - gap, h - gap);
    const all = Math.max(found[k] + bad[k], 1), tall = names ? 5 : h;
    const part = (count, from, room, color) => {
      // Readable cells show faults at their foot, small ones on a part of their width: the more, the wider.
      const across = names ? room : Math.max(Math.min(2, w), room * Math.min(1, count / all));
      g.globalAlpha = names || w > 3 ? 1 : Math.max(0.4, count / all);
      g.fillStyle = color; g.fillRect(x + from, y + h - gap - tall, across, tall);
      g.globalAlpha = 1;
    };
    const half = bad[k] && doubt[k] ? (w - gap) / 2 : w - gap;
    if (bad[k]) part(bad[k], 0, half, "#d4322c");
    if (doubt[k]) part(doubt[k], w - gap - half, half, "#f0a030");
  }
  let most = 1;
  for (let d = 0; d < D; d++) most = Math.max(most, sums.bad[d] + sums.doubt[d]);
  for (let d = 0; d < D; d++) {
    const x = left + d * w, b = sums.bad[d] / most * strip, m = sums.doubt[d] / most * strip;
    g.fillStyle = "#d4322c"; g.fillRect(x, strip - b, Math.max(w - gap, 1), b);
    g.fillStyle = "#f0a030"; g.fillRect(x, strip - b - m, Math.max(w - gap, 1), m);
  }
  g.fillStyle = "#5c6a76"; g.strokeStyle = "#dde3e8";
  g.beginPath(); g.moveTo(left, strip + 0.5); g.lineTo(left + D * w, strip + 0.5); g.stroke();
  let free = -1;
  for (let d = 0; d < D; d++) {
    const x = left + d * w, first = d === 0 || F.days[d].slice(0, 7) !== F.days[d - 1].slice(0, 7);
    if (first && x >= free && x + 52 <= width) {
      g.fillText(F.days[d].slice(0, 7), x, strip + 20); free = x + 66;
      g.fillRect(x, strip + 1, 1, 5);
    }
  }
  if (names) {
    g.fillText("complete", left + D * w + 14, strip + 20);
    g.fillText("bad", left + D * w + 88, strip + 20); g.fillText("marked", left + D * w + 132, strip + 20);
    for (let n = 0; n < N; n++) {
      const y = top + n * h + 12, x = left + D * w;
      let b = 0, m = 0;
      for (let d = 0; d < D; d++) { b += bad[n * D + d]; m += doubt[n * D + d]; }
      g.fillStyle = "#1d2730"; g.textAlign = "right"; g.fillText(F.symbols[n], left - 8, y);
      g.fillText((100 * F.share[n]).toFixed(1) + " %", x + 64, y);
      g.fillStyle = b ? "#d4322c" : "#b8c2ca"; g.fillText(b.toLocaleString("en"), x + 108, y);
      g.fillStyle = m ? "#b9720a" : "#b8c2ca"; g.fillText(m.toLocaleString("en"), x + 172, y);
      g.textAlign = "left";
    }
  }
  const every = Math.ceil(18 / h);
  for (let n = 0; !names && n < N; n += every) {
    g.fillStyle = "#5c6a76"; g.textAlign = "right"; g.fillText(F.symbols[n], left - 8, top + n * h + 10);
  }
  const tip = document.getElementById("tip");
  canvas.onmousemove = (event) => {
    const box = canvas.getBoundingClientRect();
    const d = Math.floor((event.clientX - box.left - left) / w), n = Math.floor((event.clientY - box.top - top) / h);
    if (d < 0 || d >= D || n < 0 || n >= N) { tip.style.display = "none"; return; }
    const k = n * D + d;
    tip.textContent = `${F.symbols[n]}  ${F.days[d]}\\n${found[k]} of ${F.expected[d]} bars` +
      (bad[k] ? `\\n${bad[k]} quarantined` : "") + (doubt[k] ? `\\n${doubt[k]} marked` : "");
    tip.style.display = "block";
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - 180) + "px";
    tip.style.top = event.clientY + 14 + "px";
  };
  canvas.onmouseleave = () => { tip.style.display = "none"; };
})();
</script></body></html>
"""
