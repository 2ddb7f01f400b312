"""How the report's page looks: light and dark, wide and narrow, on paper.

Pictures have a white ground, so in the dark they lie on a card that is dimmed.
What is too wide for the window, a table or a picture on a phone, scrolls
within its own frame; the page itself never does sideways.
"""

CSS = """\
:root {
  color-scheme: light dark;
  --ground: #ffffff;
  --card: #f5f6f8;
  --text: #1c2024;
  --quiet: #586069;
  --line: #d9dde2;
  --link: #0b57a4;
  --good: #1a6b3c;
  --wait: #8a4b00;
  --bad: #b3261e;
  --picture: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a;
    --card: #1e2328;
    --text: #e4e7ea;
    --quiet: #a2abb4;
    --line: #39414a;
    --link: #84b9f5;
    --good: #7ccf9a;
    --wait: #f0b35c;
    --bad: #ff9c92;
    --picture: #f1f1f1;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) {
  html { scroll-behavior: auto; }
}
body {
  margin: 0 auto;
  padding: 1.5rem 1rem 4rem;
  max-width: 66rem;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
    "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: break-word;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 {
  font-size: 1.25rem;
  line-height: 1.3;
  margin: 2.8rem 0 .8rem;
  padding-top: .8rem;
  border-top: 1px solid var(--line);
}
h3 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
p { margin: 0 0 .8rem; max-width: 46rem; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.kind {
  margin: 0 0 .3rem;
  color: var(--quiet);
  font-size: .85rem;
  letter-spacing: .04em;
  text-transform: uppercase;
}
.status {
  padding: .6rem .8rem;
  max-width: none;
  background: var(--card);
  border-left: 4px solid var(--quiet);
}
.status.over { border-color: var(--good); }
.status.open { border-color: var(--wait); }
.status.wrong { border-color: var(--bad); }
.quiet, figcaption, caption, .notes { color: var(--quiet); }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; }

dl.facts {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr));
  gap: .7rem 1.2rem;
  margin: 1rem 0 1.2rem;
}
dl.facts dt { color: var(--quiet); font-size: .85rem; }
dl.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }

nav ol {
  margin: .4rem 0 0;
  padding-left: 2rem;
  columns: 17rem;
  column-gap: 2rem;
}
nav li { padding: .15rem 0; break-inside: avoid; }
nav h2 { font-size: 1.05rem; margin-top: 1.6rem; }

figure { margin: 1rem 0 2rem; }
.picture {
  overflow-x: auto;
  padding: .4rem;
  background: var(--picture);
  border: 1px solid var(--line);
  border-radius: 6px;
}
.picture img {
  display: block;
  width: 100%;
  min-width: 40rem;
  height: auto;
  margin: 0 auto;
  mix-blend-mode: multiply;
}
figcaption { margin-top: .5rem; font-size: .95rem; max-width: 46rem; }

.table {
  overflow-x: auto;
  margin: .8rem 0 1rem;
  border: 1px solid var(--line);
  border-radius: 6px;
}
table {
  border-collapse: collapse;
  min-width: 100%;
  font-size: .9rem;
  font-variant-numeric: tabular-nums;
}
caption {
  padding: .5rem .7rem;
  text-align: left;
  font-size: .9rem;
}
caption span {
  display: block;
  position: sticky;
  left: .7rem;
  max-width: min(52rem, 100vw - 4rem);
}
th, td {
  padding: .35rem .55rem;
  text-align: right;
  white-space: nowrap;
  border-top: 1px solid var(--line);
}
thead th { vertical-align: bottom; background: var(--card); }
tbody th { background: var(--ground); }
tr > th:first-child { position: sticky; left: 0; }
.left { text-align: left; }
th.left { font-weight: 600; }
tbody tr:hover > * { background: var(--card); }
.findings { margin: 0 0 1rem; padding-left: 1.2rem; max-width: 50rem; }
.findings li { margin: .3rem 0; }
.notes { margin: 0 0 1rem; padding-left: 1.2rem; font-size: .92rem; }

pre {
  overflow-x: auto;
  margin: .6rem 0 1rem;
  padding: .8rem;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 6px;
  font-size: .86rem;
  line-height: 1.45;
}
code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono",
  monospace; }
p code, li code { font-size: .88em; overflow-wrap: anywhere; }
.missing { color: var(--quiet); margin-bottom: .4rem; }
summary { cursor: pointer; color: var(--link); margin: .4rem 0; }
footer {
  margin-top: 3rem;
  padding-top: .8rem;
  border-top: 1px solid var(--line);
  color: var(--quiet);
  font-size: .9rem;
}

@media (max-width: 30rem) {
  body { padding: 1rem .75rem 3rem; }
  h1 { font-size: 1.4rem; }
  dl.facts { grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); }
  th, td { padding: .3rem .5rem; }
}

@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff;
    --card: #ffffff;
    --text: #000000;
    --quiet: #444444;
    --line: #bbbbbb;
    --link: #000000;
    --picture: #ffffff;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .skip, summary { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  h2 { break-after: avoid; margin-top: 1.4rem; }
  figure, tr { break-inside: avoid; }
  .picture, .table, pre { overflow: visible; border-radius: 0; }
  .picture img { min-width: 0; max-height: 20cm; width: auto; max-width: 100%; }
  th, td { white-space: normal; padding: .2rem .35rem; }
  pre { white-space: pre-wrap; }
}
"""
