// The order of drawing, the theme's switch, paper, and widths that change.
addFront();
addParallel();
addConvergence();
data.timelines.forEach(addTimeline);

const dark = () => (root.dataset.theme || (systemDark() ? 'dark' : 'light')) === 'dark';
$('theme').onclick = () => {
  root.dataset.theme = dark() ? 'light' : 'dark';
  redraw();
};
matchMedia('(prefers-color-scheme:dark)').addEventListener('change', redraw);

/* On paper: vectors, black on white, nothing folded. */
let before = null; // the theme of the screen, and what was folded there
const toPaper = () => {
  if (before) return;
  const folded = [...document.querySelectorAll('details:not([open])')];
  before = {theme: root.dataset.theme, folded};
  folded.forEach(d => { d.open = true; });
  root.dataset.theme = 'print';
  printing = true;
  registry.forEach(chart => chart.drop());
  redraw();
};
const toScreen = () => {
  if (!before) return;
  before.folded.forEach(d => { d.open = false; });
  if (before.theme) root.dataset.theme = before.theme;
  else delete root.dataset.theme;
  before = null;
  printing = false;
  registry.forEach(chart => chart.drop());
  redraw();
};
addEventListener('beforeprint', toPaper);
addEventListener('afterprint', toScreen);
matchMedia('print').addEventListener('change', event => { if (event.matches) toPaper(); else toScreen(); });

let waiting = 0, width = innerWidth;
addEventListener('resize', () => {
  if (printing || innerWidth === width) return;
  width = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(() => registry.forEach(chart => { if (chart.instance) { chart.instance.resize(); chart.draw(); } }), 80);
});

document.querySelectorAll('.needs-script').forEach(e => { e.hidden = false; });
/* A chart a task, so that the page answers between them. */
const next = k => {
  if (k >= registry.length) return;
  if (!registry[k].instance) registry[k].draw();
  setTimeout(next, 0, k + 1);
};
setTimeout(next, 0, 0);
