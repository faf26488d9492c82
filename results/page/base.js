// What do all parts of the page share: the data, colours, texts, and the charts as a list that is drawn anew when the
// theme, the width or the medium changes?
//
// Names are hostile: they reach the page through textContent and the charts' own text, never as markup.
const $ = id => document.getElementById(id);
const root = document.documentElement;
const data = JSON.parse($('data').textContent);
const registry = []; // {name, element, build, instance, on}
window.dseReport = {charts: {}, data};

const make = (tag, parent, text, className) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  if (parent) parent.append(e);
  return e;
};

/* --- numbers --- */
const raw = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
const f32 = text => new Float32Array(raw(text));
const words = (text, bits) => bits === 8 ? new Uint8Array(raw(text)) :
  bits === 16 ? new Uint16Array(raw(text)) : new Uint32Array(raw(text));
const nth = n => n + (n % 100 > 10 && n % 100 < 14 ? 'th' : ['th', 'st', 'nd', 'rd'][n % 10] || 'th');
const show = v => {
  if (v === null || v === undefined || !isFinite(v)) return '–';
  const size = Math.abs(v);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) return v.toExponential(3).replace('e+', 'e');
  return String(size >= 1e6 ? Math.round(v) : +v.toPrecision(6));
};
const brief = v => show(+v.toPrecision(4));
const tick = v => {
  const size = Math.abs(v);
  if (size >= 1e12 || (size !== 0 && size < 1e-4)) return v.toExponential(0).replace('e+', 'e');
  for (const [power, letter] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']]) {
    if (size >= power) return +(v / (letter === 'k' ? 1e3 : power)).toPrecision(6) + ' ' + letter;
  }
  return String(+v.toPrecision(6));
};
const unit = u => u ? ' ' + u : '';

/* A table of columns: values(c, row) as a number, cell(c, row) as people read it. */
const decode = table => {
  for (const c of table.columns) {
    if (c.index !== undefined) c.at = words(c.index, c.bits);
    if (c.text) {
      c.get = c.at ? row => c.words[c.at[row]] : c.words.length === 1 ? () => c.words[0] : row => c.words[row];
      c.read = c.get;
    } else {
      if (c.values !== undefined) c.numbers = f32(c.values);
      c.get = c.numbers ? row => c.numbers[row] : c.at ? row => c.set[c.at[row]] : () => c.set[0];
      c.read = row => show(c.get(row));
    }
    c.label = c.name + (c.unit && !c.name.endsWith('_' + c.unit) ? ' [' + c.unit + ']' : '');
  }
  return table;
};
const distinct = (c, n) => {
  const seen = new Set();
  for (let i = 0; i < n; i++) seen.add(c.get(i));
  return [...seen].sort((a, b) => c.text ? (a < b ? -1 : a > b ? 1 : 0) : a - b);
};
const extent = (c, n) => {
  let lo = Infinity, hi = -Infinity;
  for (let i = 0; i < n; i++) {
    const v = c.get(i);
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  return [lo, hi];
};

/* --- colours --- */
let style = getComputedStyle(root);
const color = name => style.getPropertyValue('--' + name).trim();
const hue = i => color('c' + i % 8);
// From few to many: of one lightness order, which survives any colour blindness (after cividis).
const ramp = () => root.dataset.theme === 'dark' || (!root.dataset.theme && systemDark()) ?
  ['#4f6fb5', '#7c8bb0', '#a5a39a', '#c9b96b', '#e8cf4f', '#fff1a0'] :
  ['#00285f', '#2d4a86', '#5d6a8a', '#86805f', '#a98f2c', '#c98a00'];
const symbols = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'pin', 'arrow', 'emptyCircle'];
const star = 'path://M0-10L2.9-3.6 9.5-3.1 4.5 1.3 6 8 0 4.5-6 8-4.5 1.3-9.5-3.1-2.9-3.6Z';
const systemDark = () => matchMedia('(prefers-color-scheme:dark)').matches;

/* --- what charts have in common --- */
const font = () => 'system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif';
const narrow = element => element.clientWidth < 560;
const axis = more => ({
  nameLocation: 'middle',
  nameTextStyle: {color: color('ink'), fontSize: 12.5},
  axisLine: {lineStyle: {color: color('soft')}},
  axisTick: {lineStyle: {color: color('soft')}},
  axisLabel: {color: color('soft'), formatter: tick, hideOverlap: true},
  splitLine: {show: true, lineStyle: {color: color('line')}},
  minorSplitLine: {show: false},
  ...more,
});
// A tip is built of elements, so that a name in it stays text.
const tipOf = lines => {
  const box = make('div', null, undefined, 'tip');
  lines.forEach((line, i) => {
    if (!Array.isArray(line)) return make(i ? 'div' : 'b', box, line);
    const row = make('div', box, undefined, 'tip-row');
    make('span', row, line[0]);
    make('span', row, line[1]);
  });
  return box;
};
const tooltip = more => ({
  backgroundColor: color('card'), borderColor: color('soft'), borderWidth: 1, padding: [7, 10], confine: true,
  textStyle: {color: color('ink'), fontSize: 12.5}, enterable: false, transitionDuration: 0, ...more,
});
const base = (chart, more) => ({
  animation: false,
  backgroundColor: 'transparent',
  textStyle: {fontFamily: font(), color: color('ink')},
  aria: {enabled: true, label: {description: chart.summary}},
  ...more,
});
const legend = more => ({
  type: 'plain', top: 0, left: 0, textStyle: {color: color('ink'), fontSize: 12.5}, inactiveColor: color('line'),
  itemWidth: 14, itemHeight: 11, itemGap: 14, ...more,
});

// How many lines its names take, about.
const legendLines = (chart, names) => {
  const width = printing ? 700 : chart.element.clientWidth;
  let lines = 1, at = 0;
  for (const name of names) {
    const wide = 34 + 6.9 * name.length;
    if (at > 0 && at + wide > width) [lines, at] = [lines + 1, 0];
    at += wide;
  }
  return lines;
};

/* --- drawing --- */
let printing = false;
const add = (name, build, on) => {
  const element = $('chart-' + name);
  if (!element) return null;
  const chart = {name, element, build, on, instance: null, summary: element.getAttribute('aria-label')};
  chart.draw = () => {
    if (!chart.instance) {
      // On paper vectors, and a width that a page has.
      chart.instance = charts.init(element, null, printing ? {renderer: 'svg', width: 700} : {renderer: 'canvas'});
      window.dseReport.charts[name] = chart.instance;
      if (chart.on) chart.on(chart);
    }
    chart.instance.setOption(chart.build(chart), {notMerge: true});
    if (chart.after) chart.after(chart);
    element.dataset.ready = '1';
  };
  chart.drop = () => {
    if (chart.instance) chart.instance.dispose();
    chart.instance = null;
  };
  registry.push(chart);
  return chart;
};
const redraw = () => {
  style = getComputedStyle(root);
  registry.forEach(chart => chart.draw());
};
