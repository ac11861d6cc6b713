"""The style of HTML reports: one sheet for pages and index, light and dark, from 400 pixels to print."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #59636e; --line: #d3d9df; --paper: #fff; --tint: #f3f5f7; --accent: #1f6feb;
  --good: #1a7f37; --warn: #9a6700; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ae; --line: #3a424a; --paper: #15191d; --tint: #1f252a;
  --accent: #6cb0ff; --good: #57c274; --warn: #d8a531; --bad: #ff7b6e; } }
* { box-sizing: border-box; }
body { margin: 0; overflow-wrap: break-word; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 1.25rem; font-weight: 600; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 36px 0 12px; padding-bottom: 4px; border-bottom: 1px solid var(--line); }
h3 { font-size: 0.95rem; margin: 0 0 4px; }
p { margin: 0 0 8px; }
.soft { color: var(--soft); }
.small { font-size: 0.86rem; }
.verdict { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 24px; margin-top: 16px; padding: 18px 20px; border: 1px solid var(--line);
  border-left: 6px solid var(--accent); border-radius: 6px; background: var(--tint); }
.verdict .name { font-size: 1.9rem; line-height: 1.2; font-weight: 650; margin: 0; }
.verdict .probability { font-size: 1.1rem; margin: 2px 0 10px; }
.departs { grid-column: 1 / -1; border-top: 1px solid var(--line); padding-top: 12px; }
.departs h2 { margin: 0 0 6px; padding: 0; border: 0; color: var(--bad); }
.departs p, .departs ul { margin-bottom: 0; }
.files img { display: block; width: 72px; height: 72px; object-fit: contain; background: var(--tint); border-radius: 3px; }
.files th[aria-sort] { cursor: pointer; }
.files th[aria-sort="ascending"]::after { content: " \\2191"; }
.files th[aria-sort="descending"]::after { content: " \\2193"; }
.bars { width: 100%; border-collapse: collapse; }
.bars th { text-align: left; font-weight: 400; padding: 2px 10px 2px 0; white-space: nowrap; border: 0; background: none; }
.bars td { padding: 2px 0; border: 0; }
.bars td:nth-child(2) { width: 100%; }
.bars td:last-child { text-align: right; white-space: nowrap; padding-left: 10px; font-variant-numeric: tabular-nums; }
.bars td { vertical-align: middle; }
.bars svg { display: block; width: 100%; height: 10px; }
.bars .rest { fill: var(--line); }
.bars .share { fill: var(--accent); }
figure { margin: 0; }
sup { line-height: 0; }
figure img { display: block; width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: 0.86rem; margin-top: 6px; }
.picture { display: flex; flex-wrap: wrap; gap: 20px; }
.picture figure { flex: 1 1 320px; min-width: 0; max-width: 680px; }
.picture figure.map { max-width: 500px; }
.canvas { position: relative; width: fit-content; max-width: 100%; }
.canvas img { width: auto; max-width: 100%; }
.canvas svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.canvas rect { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke: #fff; paint-order: stroke; }
.canvas rect.under { stroke: #000; stroke-width: 4; }
.canvas rect.other { stroke: #ffb000; stroke-dasharray: 5 4; }
.traces { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 20px; }
.trace { border: 1px solid var(--line); border-radius: 6px; padding: 12px 14px; min-width: 0; break-inside: avoid; }
.trace p { font-size: 0.92rem; }
.trace .rate { margin-bottom: 6px; }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 999px; padding: 0 8px; font-size: 0.78rem; line-height: 1.5; margin-left: 6px;
  vertical-align: 1px; white-space: nowrap; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); }
.files td:nth-child(3) { overflow-wrap: anywhere; }
thead th { font-size: 0.82rem; color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 140px), 1fr)); gap: 8px 20px; margin: 0 0 8px; }
dl div { border-bottom: 1px solid var(--line); padding-bottom: 4px; min-width: 0; }
dt { color: var(--soft); font-size: 0.82rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.steps { width: auto; font-size: 0.78rem; font-variant-numeric: tabular-nums; }
.steps td { border: 1px solid var(--line); padding: 1px 5px; text-align: right; min-width: 2.2em; }
.parameters > tbody > tr > td:nth-child(3) { min-width: 150px; }
.parameters > tbody > tr > td:nth-child(2) { min-width: 180px; }
.parameters td.value { font-weight: 600; }
.parameters td.none { color: var(--soft); font-weight: 400; }
.files td:nth-child(3) { min-width: 160px; }
.files td:nth-child(8) { min-width: 200px; }
.block { margin: 12px 0 22px; font-size: 0.86rem; }
.block thead th { white-space: normal; vertical-align: bottom; }
ol.chain { list-style: none; display: flex; flex-wrap: wrap; gap: 8px; padding: 0; margin: 0 0 8px; align-items: stretch; }
ol.chain li { border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; background: var(--tint); overflow-wrap: anywhere; max-width: 100%; }
ol.chain li + li::before { content: "then "; color: var(--soft); }
ul { margin: 0 0 8px; padding-left: 20px; }
li { margin-bottom: 4px; }
code, pre { font: 0.86rem/1.45 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; }
code { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; margin: 0 0 10px; }
a { color: var(--accent); }
footer { margin-top: 36px; color: var(--soft); font-size: 0.82rem; }
@media (max-width: 700px) {
  main { padding: 16px 14px 32px; }
  .verdict { grid-template-columns: minmax(0, 1fr); }
  .parameters > thead { display: none; }
  .parameters > tbody > tr { display: block; border-bottom: 1px solid var(--line); padding: 8px 0; }
  .parameters > tbody > tr > * { display: block; border: 0; padding: 0 0 2px; }
  .parameters > tbody > tr > td:empty { display: none; }
}
@page { margin: 14mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --tint: #fff; --accent: #1f4fa0; --good: #1a7f37; --warn: #7a5200;
    --bad: #b42318; }
  html { font-size: 9.5pt; }
  body { font-size: 1rem; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 18pt; break-after: avoid; }
  .lead { break-after: avoid; }
  .steps td { padding: 0 3px; }
  a { color: inherit; }
  .verdict, figure, tr, li, pre, dl div { break-inside: avoid; }
  .bars svg, .tag { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .picture { flex-wrap: nowrap; }
  .picture figure, .picture figure.map { flex-basis: 0; max-width: 56%; }
  .picture img { width: auto; max-width: 100%; max-height: 78mm; }
  .traces { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8pt; }
  .trace { padding: 6pt 8pt; }
  .trace img { width: auto; max-width: 100%; max-height: 40mm; margin: 0 auto; }
  .scroll { overflow: visible; }
}
"""  # noqa: E501
"""CSS; the colours follow the reader's light or dark setting, in print they are light."""


SORTING = """
document.querySelectorAll('.files th').forEach((head, column) => {
  const value = row => row.cells[column] ? row.cells[column].dataset.value || row.cells[column].textContent : '';
  head.setAttribute('aria-sort', 'none');
  head.addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') === 'ascending';
    document.querySelectorAll('.files th').forEach(other => other.setAttribute('aria-sort', 'none'));
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const body = document.querySelector('.files tbody');
    [...body.rows].sort((a, b) => (down ? -1 : 1) * value(a).localeCompare(value(b), 'en', {numeric: true}))
      .forEach(row => body.appendChild(row));
  });
});
"""
"""Sorts the table of an index by the column whose head is clicked; without it the table stands in the order of the
inputs.
"""


def policy(script: str = "") -> str:
    """The Content-Security-Policy of a page: pictures from data URIs, this style sheet and, where there is one, this
    script, nothing else.
    """
    sources = f"style-src '{_digest(STYLE)}'" + (f"; script-src '{_digest(script)}'" if script else "")
    return f"default-src 'none'; img-src data:; {sources}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
