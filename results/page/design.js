// What does a click on a design open? All its columns, its place among the front, the command that computes it again,
// and the ways to its neighbours.
const front = data.front && data.front.n > 0 ? decode(data.front) : null;
const cloud = data.cloud && data.cloud.n > 0 ? decode(data.cloud) : null;
let opened = null; // {table, row}
let matches = null; // of the front's rows, those that the brushes let through; null: all
const listeners = []; // told when a design opens or the brushes change

const numeric = front ? front.columns.filter(c => !c.text) : [];
const commandOf = (table, row) => {
  const key = table.columns.find(c => c.text);
  if (table === front && key && Object.hasOwn(data.commands, key.get(row))) return data.commands[key.get(row)];
  if (!data.design) return null;
  const axes = table.columns.filter(c => c.axis);
  return axes.length ? data.design + axes.map(c => c.name + '=' + c.get(row)).join(',') : null;
};
const nameOf = (table, row) => {
  const key = table.columns.find(c => c.text && !c.axis);
  return table === front && key ? 'design ' + key.get(row) : 'a design that was evaluated, not on the front';
};
const linesOf = (table, row) => table.columns.filter(c => !(c.text && !c.axis && c === table.columns[0]))
  .map(c => [c.name, c.read(row) + (c.text || c.name.endsWith('_' + c.unit) ? '' : unit(c.unit))]);
const shownRow = row => front.rows ? front.rows[row] : row; // its number in front.csv

/* Places by each measure that has a better end, among the designs of the front. */
const placesOf = row => front.columns.filter(c => c.better && !c.text).map(c => {
  const sign = c.better === 'max' ? -1 : 1, own = sign * c.get(row);
  let ahead = 0;
  for (let i = 0; i < front.n; i++) if (sign * c.get(i) < own) ahead++;
  return [c.name, isFinite(own) ? ahead + 1 : '–'];
});
const neighbours = row => {
  const c = front.columns[$('front-x').value], order = [];
  for (let i = 0; i < front.n; i++) if (isFinite(c.get(i)) && (!matches || matches[i])) order.push(i);
  order.sort((a, b) => c.get(a) - c.get(b) || a - b);
  const at = order.indexOf(row);
  return [at > 0 ? order[at - 1] : -1, at >= 0 && at + 1 < order.length ? order[at + 1] : -1, c.name];
};

const copyButton = (parent, text) => {
  const button = make('button', parent, 'copy');
  button.type = 'button';
  button.onclick = () => {
    const done = () => { button.textContent = 'copied'; };
    const select = () => {
      const range = document.createRange();
      range.selectNodeContents(parent.querySelector('code'));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (document.execCommand('copy')) done();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, select);
    else select();
  };
};

const openDesign = (table, row, focus) => {
  const e = $('design');
  if (!e) return;
  opened = {table, row};
  e.textContent = '';
  e.hidden = false;
  const head = make('div', e, undefined, 'design-head');
  const title = make('h3', head, nameOf(table, row));
  title.tabIndex = -1;
  const ways = make('div', head, undefined, 'ways');
  const way = (text, label, go) => {
    const button = make('button', ways, text);
    button.type = 'button';
    button.setAttribute('aria-label', label);
    button.disabled = !go;
    button.onclick = go;
  };
  if (table === front) {
    const [before, after, by] = neighbours(row);
    way('◀', 'the design before it by ' + by, before < 0 ? null : () => openDesign(front, before, true));
    way('▶', 'the design after it by ' + by, after < 0 ? null : () => openDesign(front, after, true));
    if (front.best >= 0 && front.best !== row) way('★ best', 'open the best design', () => openDesign(front, front.best, true));
  }
  way('✕', 'close', closeDesign);
  const command = commandOf(table, row);
  if (command) {
    make('p', e, 'This line computes it in full, with its schedule:', 'note');
    const line = make('div', e, undefined, 'command');
    make('code', line, command);
    copyButton(line, command);
  }
  const list = make('dl', e, undefined, 'values');
  for (const [name, value] of linesOf(table, row)) {
    const item = make('div', list);
    make('dt', item, name);
    make('dd', item, value);
  }
  if (table === front) {
    make('p', e, 'Place among the ' + front.n + ' designs shown of the front: ' +
      placesOf(row).map(p => (p[1] === '–' ? p[1] : nth(p[1])) + ' by ' + p[0])
        .join(', ') + '.', 'note');
    const line = $('front-row-' + shownRow(row));
    if (row === front.best && $('timeline-0')) {
      const p = make('p', e, 'Its schedule is drawn below: ', 'note');
      make('a', p, 'to the timeline').href = '#timeline-0';
    }
    document.querySelectorAll('tr.picked').forEach(t => t.classList.remove('picked'));
    if (line) line.classList.add('picked');
  }
  listeners.forEach(tell => tell());
  if (focus) title.focus({preventScroll: true});
};
const closeDesign = () => {
  opened = null;
  $('design').hidden = true;
  $('design').textContent = '';
  document.querySelectorAll('tr.picked').forEach(t => t.classList.remove('picked'));
  listeners.forEach(tell => tell());
};

/* The brushes' choice, in the table of the front too. */
const setMatches = chosen => {
  matches = chosen;
  const body = front && document.querySelector('#front tbody'), note = $('front-matches');
  let n = 0;
  for (let i = 0; i < front.n; i++) {
    const yes = !matches || matches[i];
    n += yes ? 1 : 0;
    const line = $('front-row-' + shownRow(i));
    if (line) line.hidden = !yes;
  }
  if (body && note) {
    note.hidden = !matches;
    note.firstChild.textContent = n + ' of ' + front.n + ' designs lie within what is brushed; table and chart show ' +
      'these alone. ';
  }
  listeners.forEach(tell => tell());
};
